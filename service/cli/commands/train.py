"""`spnas train`."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from nas_worker.baselines import MOBILENET_V2
from nas_worker.heap import keep_freed_memory
from nas_worker.platform import Platform
from nas_worker.space import Architecture
from nas_worker.training.report import TrainingReport
from nas_worker.training.settings import TrainSettings
from service.cli.console import say, show, show_json
from service.cli.errors import CliError, InvalidFieldsError
from service.cli.exit_codes import ExitCode
from service.cli.export_network import checkpoint_network
from service.cli.export_source import CHECKPOINT, find_source
from service.cli.interrupt import ended_like_ctrl_c
from service.cli.options import Json, OfTrial, RuntimePlatform, Server
from service.cli.parse import assignments
from service.cli.platform_file import named_platform
from service.cli.render.training import TrainingProgress, training_details

if TYPE_CHECKING:
    import torch

_RUNS = Path("spnas-train")
_DEVICES = ("auto", "cpu", "cuda")


def train(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A study's id, a file (.json, .txt, .pt of a search), or a baseline: mobilenet-v2, "
            "mnasnet-b1, single-path-nas.",
        ),
    ],
    *,
    dataset: Annotated[
        str,
        typer.Option(metavar="NAME", help="digits, imagefolder:PATH, parquet:PATH or hub:NAME."),
    ] = "digits",
    epochs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Length; the schedule rescales to it.")
    ] = 350,
    width: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Width multiplier. Default: the source's.")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side of the images. Default: the data set's own.")
    ] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", help="The rate follows it.")] = 256,
    augmentation: Annotated[
        str, typer.Option(metavar="KIND", help="auto (colour images in files), crop_flip or none.")
    ] = "auto",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Fixes the outcome.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Further setting, such as label_smoothing=0."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Default: a folder in spnas-train/ for source and data set."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="KIND", help="float32 or bfloat16; auto: bfloat16 on CUDA.")
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Threads of the CPU. Default: one a core.")
    ] = None,
    trial: OfTrial = None,
    platform: RuntimePlatform = None,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Train a ConvNet from scratch, as the paper does: 350 epochs, or the same schedule in fewer.

    The same command goes on where it was interrupted.

    Example: spnas train mnasnet-b1 --epochs 20 --batch-size 32 --width 0.25
    """
    if device not in _DEVICES:
        raise typer.BadParameter(f"expected {', '.join(_DEVICES)}; got {device}", param_hint="--device")
    name, architecture, table, own_width = _network(source, trial, platform, server)
    settings = _settings(
        {
            "dataset": dataset,
            "epochs": epochs,
            "width": own_width if width is None else width,
            "batch_size": batch_size,
            "augmentation": augmentation,
            "precision": precision,
            "seed": seed,
            **({} if image_size is None else {"image_size": image_size}),
            **assignments(set_ or (), "--set"),
        }
    )
    folder = out or _RUNS / _slug(f"{name}-{settings.dataset}")
    report = _run(architecture, settings, folder, device, threads or len(os.sched_getaffinity(0)))
    if as_json:
        show_json(report)
        return
    show(training_details(name, architecture, settings, report, table))
    if report.document is not None:
        say(f"next: spnas export {report.document} --weights {report.weights} -o net.onnx")


def _network(
    source: str, trial: int | None, platform: str | None, server: str | None
) -> tuple[str, Architecture | None, Platform | None, float]:
    """Name, architecture (None: MobileNetV2), latency table and width of what is to be trained."""
    if source == MOBILENET_V2:
        return source, None, None, 1.0
    if Path(source).suffix == CHECKPOINT:
        document = checkpoint_network(Path(source)).document
        return Path(source).stem, document.layers, named_platform(platform or "pixel1"), document.width
    origin = find_source(source, trial, platform, server)
    return origin.name, origin.document.layers, origin.platform, origin.document.width


def _settings(values: dict[str, Any]) -> TrainSettings:
    try:
        return TrainSettings.model_validate(values)
    except ValidationError as error:
        raise InvalidFieldsError.of(error, values) from None


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")


def _run(
    architecture: Architecture | None, settings: TrainSettings, folder: Path, device: str, threads: int
) -> TrainingReport:
    from nas_worker.training.run import Observer, run_training  # noqa: PLC0415 - torch takes seconds to import

    keep_freed_memory()
    progress = TrainingProgress(settings, folder)
    observer = Observer(
        progress.started, progress.stepped, progress.ended, lambda line: say(line, style="yellow")
    )
    try:
        with ended_like_ctrl_c():
            return run_training(
                architecture,
                settings,
                folder,
                device=_device(device),
                threads=threads,
                observer=observer,
            )
    except KeyboardInterrupt:
        if progress.done is None:
            say(f"stopped before it began; nothing in {folder} has changed.")
        else:
            say(f"stopped; {progress.done} of {settings.epochs} epochs are kept in {folder}.")
            say("The same command goes on after them.")
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def _device(name: str) -> "torch.device":
    import torch  # noqa: PLC0415 - takes seconds to import

    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise CliError("torch finds no CUDA device here; --device cpu trains without", ExitCode.USAGE)
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")
