"""What a sweep shows, in a table and in words."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from service.cli.render.numbers import NONE, duration, lambda_text, milliseconds, share
from service.cli.render.table import PlainTable
from service.cli.sweep.analysis import Cost, FidelityFinding, TargetReport

MISLEADING_REGRET = 0.01
"""A fidelity misleads when trusting it costs more than this part of the best reward."""


def summary(report: TargetReport) -> RenderableType:
    """Best lambda per fidelity, how it does at full fidelity, and which fidelities mislead."""
    headers = ("epochs", "best lambda", "reward", "ms", "full reward", "full ms", "lost", "rank")
    table = PlainTable(*headers, numeric=headers, optional=("full ms", "ms", "full reward"))
    for finding in report.findings:
        table.add_row(
            str(finding.epochs),
            lambda_text(finding.best_lambda),
            share(finding.best_reward),
            milliseconds(finding.runtime_ms),
            share(finding.reward_at_full),
            milliseconds(finding.runtime_ms_at_full),
            share(finding.regret),
            NONE if finding.rank_correlation is None else f"{finding.rank_correlation:+.2f}",
        )
    legend = Text(
        "full: the same lambda at full fidelity; rank: correlation of the row's ranks with it", "dim"
    )
    return Group(table, legend, *(Text(line) for line in conclusions(report)))


def conclusions(report: TargetReport) -> Iterator[str]:
    """Sentences: the answer, and each fidelity that misleads."""
    full_epochs = max(cell.epochs for cell in report.cells)
    full = next((finding for finding in report.findings if finding.epochs == full_epochs), None)
    if full is None:
        yield "no search at full fidelity has completed"
        return
    yield (
        f"best at {full_epochs} epochs: lambda {lambda_text(full.best_lambda)}, "
        f"reward {share(full.best_reward)}, {milliseconds(full.runtime_ms)} ms"
    )
    misleading = [finding for finding in report.findings if _misleads(finding, full.best_reward)]
    for finding in misleading:
        yield _warning(finding, full_epochs, report.target_runtime_ms)
    if not misleading and len(report.findings) > 1:
        yield "no lower fidelity misleads: each picks a lambda within 1 % of the best reward at full fidelity"


def _misleads(finding: FidelityFinding, best_reward: float) -> bool:
    return finding.regret is not None and finding.regret > MISLEADING_REGRET * best_reward


def _warning(finding: FidelityFinding, full_epochs: int, target_ms: float) -> str:
    assert finding.runtime_ms_at_full is not None
    kind = ""
    if finding.runtime_ms_at_full < finding.runtime_ms <= target_ms:
        kind = " (overshoots)"
    elif finding.runtime_ms_at_full > target_ms:
        kind = " (misses the target)"
    return (
        f"searches of length {finding.epochs} mislead: "
        f"their best lambda {lambda_text(finding.best_lambda)} goes from "
        f"{milliseconds(finding.runtime_ms)} to {milliseconds(finding.runtime_ms_at_full)} ms "
        f"at {full_epochs} epochs{kind} and loses {share(finding.regret)} of reward"
    )


def cost_text(cost: Cost) -> str:
    """What the grid cost so far."""
    return f"{cost.searches} searches, {cost.epochs} epochs, {duration(cost.search_seconds)} of search time"
