"""How numbers and times are written, the same in every table."""

from datetime import datetime

NONE = "-"


def lambda_text(lambda_: float) -> str:
    """Three significant digits."""
    return f"{lambda_:.3g}"


def share(value: float | None) -> str:
    """An accuracy or a reward."""
    return NONE if value is None else f"{value:.4f}"


def milliseconds(value: float | None) -> str:
    """A runtime, without its unit."""
    return NONE if value is None else f"{value:.1f}"


def local_time(moment: datetime) -> str:
    """To the minute, in the reader's time zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """A span of time in its two leading units, such as ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def against_target(runtime_ms: float, target_ms: float) -> str:
    """How far a runtime is from the target, in per cent."""
    return f"{(runtime_ms / target_ms - 1) * 100:+.1f} % of the target {target_ms:g} ms"
