"""`spnas export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field

from nas_worker.export.block_strings import encode_blocks, encode_mnasnet_blocks
from nas_worker.export.document import ArchitectureDocument
from nas_worker.export.layers import layered
from nas_worker.export.svg import svg_text
from nas_worker.platform import Platform
from service.cli.console import say, show, show_json, stdout
from service.cli.export_network import Network, Shape, checkpoint_network, network, refuse_shape, with_runtime
from service.cli.export_source import CHECKPOINT, DEFAULT_PLATFORM, find_source
from service.cli.options import Json, OfTrial, RuntimePlatform, Server
from service.cli.platform_file import named_platform
from service.cli.render.convnet import convnet_drawing
from service.cli.render.numbers import milliseconds

if TYPE_CHECKING:
    from nas_worker.convnet import ConvNet

_TEXT_FILES, _NETWORK_FILES = (".json", ".txt", ".svg"), (".onnx", ".pt2")
_TOLERANCE = 1e-4


class WrittenFile(BaseModel):
    """A file that was written."""

    model_config = ConfigDict(frozen=True)

    path: str
    bytes: int
    max_abs_difference: float | None = Field(
        None, description="ONNX: largest absolute difference between onnxruntime's and torch's logits."
    )


class ExportResult(BaseModel):
    """What was exported."""

    model_config = ConfigDict(frozen=True)

    architecture: ArchitectureDocument
    weights: str | None = Field(description="Where the network's weights come from; null: none were needed.")
    files: tuple[WrittenFile, ...]


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A study's id, a file (.json, .txt with block strings, .pt), or a baseline.",
        ),
    ],
    *,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help=".json, .txt, .svg, .onnx or .pt2; several allowed."
        ),
    ] = None,
    trial: OfTrial = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Search checkpoint or state dict. Default: fresh.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of fresh weights.")] = 0,
    platform: RuntimePlatform = None,
    width: Annotated[float | None, typer.Option(metavar="NUMBER", help="Width multiplier.")] = None,
    image_size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Side of the images.")] = None,
    classes: Annotated[int | None, typer.Option(metavar="N", help="Outputs of the classifier.")] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, metavar="NUMBER", help="ONNX: largest difference of a logit from torch's.")
    ] = _TOLERANCE,
    mnasnet: Annotated[
        bool, typer.Option("--mnasnet", help="Block strings as MnasNet's own builder takes them.")
    ] = False,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Draw a ConvNet, and write it as JSON, block strings, SVG, ONNX or a torch program.

    Example: spnas export STUDY --trial 3 -o net.json -o net.onnx -o net.svg
    """
    paths = _outputs(output or [])
    needs_weights = any(path.suffix in _NETWORK_FILES for path in paths)
    if weights is not None and not needs_weights:
        raise typer.BadParameter("only .onnx and .pt2 files hold weights", param_hint="--weights")
    if any(path.suffix == ".onnx" for path in paths):
        _check_extra()
    shape = Shape(width, image_size, classes)
    if Path(source).suffix == CHECKPOINT:
        _refuse_with_checkpoint(trial, weights)
        refuse_shape(shape, Path(source))
        name, found = Path(source).name, checkpoint_network(Path(source))
        table: Platform | None = named_platform(platform or DEFAULT_PLATFORM)
    else:
        origin = find_source(source, trial, platform, server)
        found = network(origin, shape, weights=weights, seed=seed, needs_weights=needs_weights)
        name, table = origin.name, origin.platform
    net = layered(found.document.layers, found.document.macro, table)
    if net.platform is not None and net.total_ms is not None:
        found = with_runtime(found, net.platform, net.total_ms)
    if found.weights is not None:
        say(f"weights: {found.weights}")
    title = _title(name, found.document)
    files = tuple(_written(path, found, svg_text(net, title), mnasnet, tolerance) for path in paths)
    if as_json:
        show_json(ExportResult(architecture=found.document, weights=found.weights, files=files))
    else:
        show(convnet_drawing(net, title, ascii_only=stdout().options.ascii_only))


def _outputs(paths: list[Path]) -> list[Path]:
    known = (*_TEXT_FILES, *_NETWORK_FILES)
    for path in paths:
        if path.suffix not in known:
            raise typer.BadParameter(
                f"expected a name with {', '.join(known)}; got {path}", param_hint="--output"
            )
        if not path.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {path.parent}", param_hint="--output")
    return paths


def _refuse_with_checkpoint(trial: int | None, weights: Path | None) -> None:
    if trial is not None:
        raise typer.BadParameter("a file has no trials", param_hint="--trial")
    if weights is not None:
        raise typer.BadParameter("a checkpoint brings its own weights", param_hint="--weights")


def _check_extra() -> None:
    from nas_worker.export.onnx_file import require_onnx  # noqa: PLC0415 - torch takes seconds to import

    require_onnx()


def _title(name: str, document: ArchitectureDocument) -> str:
    macro = document.macro
    shape = f"width {macro.width:g}, {macro.image_size} x {macro.image_size}, {macro.classes} classes"
    if document.runtime_ms is None:
        return f"{name}: {shape}"
    return f"{name}: {milliseconds(document.runtime_ms)} ms on {document.platform}; {shape}"


def _written(path: Path, found: Network, drawing: str, mnasnet: bool, tolerance: float) -> WrittenFile:
    difference = None
    document = found.document
    match path.suffix:
        case ".json":
            path.write_text(document.to_json() + "\n", encoding="utf-8")
        case ".txt":
            encode = encode_mnasnet_blocks if mnasnet else encode_blocks
            path.write_text("\n".join(encode(document.layers)) + "\n", encoding="utf-8")
        case ".svg":
            path.write_text(drawing, encoding="utf-8")
        case suffix:
            assert found.convnet is not None
            difference = _write_network(path, suffix, found.convnet, document, tolerance)
    note = "" if difference is None else f", max abs difference from torch {difference:.2g}"
    say(f"wrote {path}{note}")
    return WrittenFile(path=str(path), bytes=path.stat().st_size, max_abs_difference=difference)


def _write_network(
    path: Path, suffix: str, convnet: "ConvNet", document: ArchitectureDocument, tolerance: float
) -> float | None:
    if suffix == ".onnx":
        from nas_worker.export.onnx_file import write_onnx  # noqa: PLC0415 - torch takes seconds to import

        return write_onnx(convnet, path, document, tolerance).max_abs_difference
    from nas_worker.export.torch_program import write_program  # noqa: PLC0415 - as above

    write_program(convnet, path)
    return None
