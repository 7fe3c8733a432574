"""The words of the dashboard, explained where they appear and on the help page."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Term:
    """A word and its explanation.

    Attributes:
        name: As headings write it.
        text: One or two sentences.
    """

    name: str
    text: str


GLOSSARY: Mapping[str, Term] = MappingProxyType(
    {
        "study": Term(
            "Study",
            "One tuning job: it looks for the λ whose architecture search yields the most accurate network "
            "around a target runtime on a platform.",
        ),
        "trial": Term(
            "Trial",
            "One architecture search at one λ, for a number of epochs. It ends with an architecture, its "
            "accuracy and its runtime.",
        ),
        "lambda": Term(
            "λ (lambda)",
            "The trade-off of a search, which minimises cross-entropy + λ · log(runtime). A larger λ "
            "gives faster networks.",
        ),
        "runtime": Term(
            "Runtime",
            "How long the network takes for one image on the platform, in milliseconds, summed over the "
            "platform's latency table.",
        ),
        "target": Term(
            "Target",
            "The runtime that the network should have on the platform, in milliseconds. The trials of one "
            "study may serve several; its rewards are for the first.",
        ),
        "accuracy": Term(
            "Accuracy",
            "Share of validation images that the searched network classifies rightly. It ranks networks "
            "within a study; training the network for longer gives a higher one.",
        ),
        "reward": Term(
            "Reward",
            "What a study maximises: the accuracy while the runtime is within the target, and accuracy · "
            "target / runtime beyond it.",
        ),
        "fidelity": Term(
            "Fidelity",
            "The epochs of a trial. Searches with fewer epochs are cheaper but may mislead; only trials at "
            "full fidelity count for the answer.",
        ),
        "epoch": Term(
            "Epoch",
            "One pass over the training images. Budgets are counted in epochs over all trials of a study.",
        ),
        "budget": Term(
            "Budget",
            "Epochs that all trials of a study may spend together: spent ones are done, reserved ones belong "
            "to trials that are queued or running, the rest is left.",
        ),
        "platform": Term(
            "Platform",
            "A device, given by a latency table: what each layer type costs in each layer, in milliseconds.",
        ),
        "solver": Term(
            "Solver",
            "The rule that chooses the next λ and number of epochs from the trials so far.",
        ),
        "architecture": Term(
            "Architecture",
            "A layer type for each of the 20 searchable layers: kernel 3x3 or 5x5, expansion 3 or 6, "
            "with or without squeeze-and-excitation, or skipped.",
        ),
        "squeeze": Term(
            "Squeeze-and-excitation (SE)",
            "A small side path that weighs the channels of a layer. Its ratio, 0.25 or 0.5, is its width "
            "relative to the layer's expanded channels.",
        ),
        "frontier": Term(
            "Frontier",
            "The trials that no other trial beats in accuracy without being slower. The best one for any "
            "target is among them.",
        ),
        "attempt": Term(
            "Attempt",
            "How often a trial was started. A trial that lost its worker, or was paused, goes on from its "
            "last recorded epoch as the next attempt.",
        ),
        "probability": Term(
            "P(R ≤ target)",
            "How likely a new search at this λ ends within the target, by the solver's model.",
        ),
        "targeted": Term(
            "Targeted search",
            "Its loss counts only the runtime beyond the target, so it lands just within it.",
        ),
        "gate": Term(
            "Gate",
            "A yes or no about a part of a layer: k5 the 5x5 kernel, e3 the layer at all, e6 expansion 6, "
            "se25 squeeze-and-excitation, se50 its ratio 0.5. A search moves the thresholds, or "
            "probabilities, that open and shut gates.",
        ),
        "seed": Term(
            "Seed",
            "Fixes everything random in a search: the same seed, λ and epochs give the same result.",
        ),
        "cross-entropy": Term(
            "Cross-entropy",
            "The training loss of the network's predictions; lower is better.",
        ),
    }
)
"""Every term, by the key that templates use."""
