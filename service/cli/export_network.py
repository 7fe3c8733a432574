"""The ConvNet that `spnas export` exports, with weights where a file needs them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nas_worker.export.document import ArchitectureDocument
from nas_worker.space import MacroArchitecture
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode
from service.cli.export_source import ExportSource

if TYPE_CHECKING:
    from nas_worker.convnet import ConvNet


@dataclass(frozen=True, slots=True)
class Shape:
    """Width, image size and classes that were asked for; None leaves the source's own."""

    width: float | None = None
    image_size: int | None = None
    classes: int | None = None

    @property
    def is_given(self) -> bool:
        """Whether any was."""
        return any(value is not None for value in (self.width, self.image_size, self.classes))

    def applied(self, macro: MacroArchitecture) -> MacroArchitecture:
        """The network with what was asked for."""
        return MacroArchitecture(
            width=macro.width if self.width is None else self.width,
            image_size=macro.image_size if self.image_size is None else self.image_size,
            image_channels=macro.image_channels,
            classes=macro.classes if self.classes is None else self.classes,
        )


@dataclass(frozen=True, slots=True)
class Network:
    """A ConvNet to export.

    Attributes:
        document: Describes it.
        convnet: With weights; None where no file needs them.
        weights: Where the weights come from, in words; None without.
    """

    document: ArchitectureDocument
    convnet: "ConvNet | None" = None
    weights: str | None = None


def checkpoint_network(path: Path) -> Network:
    """The ConvNet that the gates of a search's checkpoint select, with the supernet's weights.

    Raises:
        CheckpointError: The file is not a checkpoint that this version reads.
        CliError: It holds the weights of a ConvNet, and does not say which.
        UnknownNameError: Its data set is not known here.
    """
    from nas_worker.export import weights as loading  # noqa: PLC0415 - torch takes seconds to import

    if not loading.is_search_checkpoint(path):
        raise CliError(
            f"{path} holds weights, and not of which architecture: name that, and this file with --weights",
            ExitCode.USAGE,
        )
    return _inherited(loading.inherited_convnet(path), path)


def network(
    source: ExportSource, shape: Shape, *, weights: Path | None, seed: int, needs_weights: bool
) -> Network:
    """The ConvNet of an architecture.

    Args:
        source: The architecture.
        shape: What is asked for in place of the source's width, image size and classes.
        weights: A search's checkpoint, or a state dict of the ConvNet; None for fresh weights.
        seed: Of fresh weights.
        needs_weights: Whether there is a file that needs them.

    Raises:
        ArchitectureFormatError: The shape is outside what a document may hold.
        CheckpointError: The weights cannot be read, or are those of another network.
        CliError: A shape is asked for, and the weights fix it.
    """
    described, architecture = source.document, source.document.layers
    document = ArchitectureDocument.of(
        architecture, shape.applied(described.macro), described.platform, described.runtime_ms
    )
    if not needs_weights:
        return Network(document)
    from nas_worker.export import weights as loading  # noqa: PLC0415 - torch takes seconds to import

    if weights is None:
        convnet = loading.fresh_convnet(document.macro, architecture, seed)
        return Network(document, convnet, f"fresh, seed {seed}: to measure runtimes, not to classify")
    if not loading.is_search_checkpoint(weights):
        convnet = loading.convnet_of_state(weights, document.macro, architecture)
        return Network(document, convnet, f"those of {weights}")
    refuse_shape(shape, weights)
    return _inherited(loading.inherited_convnet(weights, architecture), weights)


def refuse_shape(shape: Shape, weights: Path) -> None:
    """Checks that nothing is asked for that weights of a search fix.

    Raises:
        CliError: It is.
    """
    if shape.is_given:
        raise CliError(
            f"{weights} fixes width, image size and classes; leave out --width, --image-size and --classes",
            ExitCode.USAGE,
        )


def with_runtime(network: Network, platform: str, runtime_ms: float) -> Network:
    """The same network with its runtime on a platform."""
    document = network.document
    return replace(
        network,
        document=ArchitectureDocument.of(document.layers, document.macro, platform, runtime_ms),
    )


def _inherited(convnet: "ConvNet", path: Path) -> Network:
    document = ArchitectureDocument.of(convnet.architecture, convnet.macro)
    return Network(document, convnet, f"inherited from the supernet of {path}")
