"""`spnas search`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nas_worker.heap import keep_freed_memory
from nas_worker.job import EpochReport, SearchJob, SearchSettings
from service.api.schemas import Architecture, Epoch
from service.cli.console import say, show, show_json
from service.cli.errors import CliError, InvalidFieldsError
from service.cli.exit_codes import ExitCode
from service.cli.options import DatasetName, Json
from service.cli.parse import assignments
from service.cli.platform_file import named_platform
from service.cli.render.architecture import architecture_table
from service.cli.render.numbers import against_target, duration, lambda_text, milliseconds, share
from service.cli.render.table import fields
from solver.reward import reward


class SearchResult(BaseModel):
    """One NAS search and the ConvNet that it found."""

    model_config = ConfigDict(
        frozen=True, serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
    )

    lambda_: float = Field(alias="lambda")
    seed: int
    accuracy: float
    runtime_ms: float
    reward: float | None = Field(description="Eq. 19, where a target was given.")
    architecture: Architecture
    epochs: tuple[Epoch, ...] = Field(description="The epochs that were run here; not those of a checkpoint.")


def search(
    *,
    lambda_: Annotated[float, typer.Option("--lambda", min=0, metavar="NUMBER", help="Trade-off of Eq. 10.")],
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Length of the search.")] = 8,
    target: Annotated[float | None, typer.Option(metavar="MS", help="Score the outcome for it.")] = None,
    hinge_target: Annotated[
        float | None, typer.Option(metavar="MS", help="Let R cost nothing below this runtime.")
    ] = None,
    platform: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A shipped platform, or a platform file.")
    ] = "pixel1",
    dataset: DatasetName = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Fixes the outcome.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Setting of the search, such as width=0.5."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="Threads of the CPU.")] = 1,
    checkpoint_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep a checkpoint per epoch.")
    ] = None,
    resume_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Go on from a checkpoint of the same search.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run one NAS search here and now, without a service.

    Example: spnas search --lambda 1 --epochs 2 --target 80
    """
    for name, value in (("--target", target), ("--hinge-target", hinge_target)):
        if value is not None and value <= 0:
            raise typer.BadParameter(f"expected milliseconds above 0; got {value:g}", param_hint=name)
    fields_ = assignments(set_ or (), "--set") | ({} if dataset is None else {"dataset": dataset})
    job = SearchJob(
        settings=_settings(fields_),
        platform=named_platform(platform),
        lambda_=lambda_,
        epochs=epochs,
        seed=seed,
        hinge_target_ms=hinge_target,
    )
    reports = _run(job, threads=threads, checkpoint_dir=checkpoint_dir, resume_from=resume_from)
    if not reports:
        raise CliError("the checkpoint holds the whole search; there is nothing left to run", ExitCode.USAGE)
    if as_json:
        show_json(_result(job, reports, target))
    else:
        _show(job, reports, target)


def _settings(values: dict[str, Any]) -> SearchSettings:
    try:
        return SearchSettings.model_validate(values)
    except ValidationError as error:
        raise InvalidFieldsError.of(error, values) from None


def _run(
    job: SearchJob, *, threads: int, checkpoint_dir: Path | None, resume_from: Path | None
) -> list[EpochReport]:
    from nas_worker.search import run_search  # noqa: PLC0415 - torch takes seconds to import

    reports: list[EpochReport] = []

    def on_epoch(report: EpochReport) -> None:
        reports.append(report)
        say(
            f"epoch {report.epoch}/{job.epochs}: accuracy {share(report.accuracy)}, "
            f"{milliseconds(report.runtime_ms)} ms, CE {report.cross_entropy:.3f}, "
            f"{duration(report.seconds)}"
        )

    if checkpoint_dir is not None:
        checkpoint_dir.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    run_search(
        job,
        on_epoch=on_epoch,
        checkpoint_dir=checkpoint_dir,
        resume_from=None if resume_from is None else str(resume_from),
        threads=threads,
    )
    return reports


def _result(job: SearchJob, reports: list[EpochReport], target_ms: float | None) -> SearchResult:
    last = reports[-1]
    return SearchResult(
        lambda_=job.lambda_,
        seed=job.seed,
        accuracy=last.accuracy,
        runtime_ms=last.runtime_ms,
        reward=None if target_ms is None else reward(last.accuracy, last.runtime_ms, target_ms),
        architecture=last.architecture,
        epochs=tuple(
            Epoch.model_validate({name: getattr(report, name) for name in Epoch.model_fields})
            for report in reports
        ),
    )


def _show(job: SearchJob, reports: list[EpochReport], target_ms: float | None) -> None:
    last = reports[-1]
    rows = {
        "lambda": lambda_text(job.lambda_),
        "accuracy": share(last.accuracy),
        "runtime": f"{milliseconds(last.runtime_ms)} ms",
    }
    if target_ms is not None:
        rows["runtime"] += f", {against_target(last.runtime_ms, target_ms)}"
        rows["reward"] = share(reward(last.accuracy, last.runtime_ms, target_ms))
    show(fields(**rows), "", architecture_table(last.architecture, job.platform))
