"""What is exported or trained: a trial of a study, an architecture's file, a baseline, a checkpoint."""

from dataclasses import dataclass
from pathlib import Path

import typer

from nas_worker.baselines import MOBILENET_V2, baseline, baseline_names
from nas_worker.errors import ArchitectureFormatError, UnknownNameError
from nas_worker.export.block_strings import decode_blocks
from nas_worker.export.document import ArchitectureDocument
from nas_worker.platform import Platform, load_platform
from nas_worker.space import Architecture
from service.cli.connection import connect
from service.cli.console import say
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode
from service.cli.platform_file import named_platform

CHECKPOINT = ".pt"
SOURCE_FILES = (".json", ".txt", CHECKPOINT)
DEFAULT_PLATFORM = "pixel1"


@dataclass(frozen=True, slots=True)
class ExportSource:
    """An architecture and where it comes from.

    Attributes:
        name: For titles and messages.
        document: The ConvNet as the source describes it; a checkpoint's follows from its weights.
        platform: Whose table gives runtimes; None where the document's own is not at hand.
    """

    name: str
    document: ArchitectureDocument
    platform: Platform | None


def find_source(source: str, trial: int | None, platform: str | None, server: str | None) -> ExportSource:
    """The architecture of a study, a file or a baseline.

    Raises:
        typer.BadParameter: It is none of these, or a trial is asked for where there is none.
        CliError: See :func:`file_source` and :func:`study_source`.
        ClientError: As there.
        UnknownNameError: There is no such platform.
    """
    path = Path(source)
    is_baseline = source in (MOBILENET_V2, *baseline_names())
    if trial is not None and (path.suffix or is_baseline):
        what = "a baseline" if is_baseline else "a file"
        raise typer.BadParameter(f"{what} has no trials", param_hint="--trial")
    if source == MOBILENET_V2:
        raise typer.BadParameter(
            f"{source} can be trained, but is not in the search space: no platform has its layers",
            param_hint="SOURCE",
        )
    if is_baseline:
        document = ArchitectureDocument.of(baseline(source))
        return ExportSource(source, document, named_platform(platform or DEFAULT_PLATFORM))
    if not path.suffix:
        return study_source(source, trial, platform, server)
    if path.suffix not in SOURCE_FILES:
        raise typer.BadParameter(
            f"expected a study's id or a file with {', '.join(SOURCE_FILES)}; got {source}",
            param_hint="SOURCE",
        )
    return file_source(path, platform)


def file_source(path: Path, platform: str | None) -> ExportSource:
    """The architecture of a document (``.json``) or of block strings, one a line (``.txt``).

    Raises:
        CliError: The file cannot be read, or holds no architecture.
        UnknownNameError: There is no such platform.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = _document(text) if path.suffix == ".txt" else ArchitectureDocument.from_json(text)
    except (OSError, UnicodeDecodeError, ArchitectureFormatError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CliError(f"{path}: {reason}", ExitCode.USAGE) from error
    return ExportSource(path.name, document, _platform_of(document, platform, path))


def study_source(study: str, trial: int | None, platform: str | None, server: str | None) -> ExportSource:
    """The architecture of a study's trial at full size, the best one where none is named.

    Raises:
        CliError: The trial has not found an architecture.
        ClientError: The service does not answer, knows no such study or trial, or the study has no best one.
        UnknownNameError: There is no such platform.
    """
    with connect(server) as connection:
        client = connection.client
        best = client.best(study) if trial is None else None
        number = best.number if best else trial
        assert number is not None
        texts = best.architecture if best else client.trial(study, number).architecture
        table = (
            named_platform(platform) if platform else client.platform(client.get_study(study).spec.platform)
        )
    if texts is None:
        raise CliError(f"trial {number} of study {study} has not completed, so it has no architecture yet")
    document = ArchitectureDocument.of(Architecture.parse(texts))
    return ExportSource(f"trial {number} of study {study}", document, table)


def _document(text: str) -> ArchitectureDocument:
    lines = (line.strip() for line in text.splitlines())
    return ArchitectureDocument.of(decode_blocks([line for line in lines if line]))


def _platform_of(document: ArchitectureDocument, platform: str | None, path: Path) -> Platform | None:
    if platform is not None or document.platform is None:
        return named_platform(platform or DEFAULT_PLATFORM)
    try:
        return load_platform(document.platform)
    except UnknownNameError:
        say(
            f"{path}: platform {document.platform} is not shipped, so single layers have no runtimes; "
            "--platform FILE gives them",
            "yellow",
        )
        return None
