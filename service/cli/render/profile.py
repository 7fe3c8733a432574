"""A profile in words and numbers."""

from rich.console import RenderableType

from nas_worker.platform import Platform
from nas_worker.profiling.accuracy import LatencyModelAccuracy
from service.cli.render.table import fields


def platform_summary(platform: Platform) -> RenderableType:
    """What a new platform is and which runtimes can be reached on it."""
    return fields(
        platform=platform.name,
        source=platform.source,
        base=f"{platform.base_ms:.3f} ms",
        reachable=f"{platform.min_ms:.2f} to {platform.max_ms:.2f} ms",
    )


def accuracy_summary(accuracy: LatencyModelAccuracy) -> RenderableType:
    """Errors of the latency model, beside what the paper has for a Pixel 1 (Fig. 4)."""
    mean_ms = accuracy.rmse_ms / accuracy.relative_rmse
    return fields(
        tested_on=f"{len(accuracy.convnets)} random ConvNets, {mean_ms:.2f} ms on average",
        RMSE=f"{accuracy.rmse_ms:.3f} ms, {100 * accuracy.relative_rmse:.2f} % of the mean "
        "(paper: 1.32 ms of about 80 ms, 1.65 %)",
        mean_error=f"{100 * accuracy.mean_error:.2f} % (paper: 1.76 %)",
        bias=f"{accuracy.bias_ms:+.3f} ms",
    )
