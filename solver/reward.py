"""The reward of a trial for a target runtime (Eq. 19)."""

import math


def reward(accuracy: float, runtime_ms: float, target_runtime_ms: float) -> float:
    """Eq. 19: accuracy * (R / R_T)^w with w = 0 if R <= R_T, else -1.

    Args:
        accuracy: Validation accuracy of the searched ConvNet, in [0, 1].
        runtime_ms: Its runtime R on the platform, in milliseconds, positive.
        target_runtime_ms: The target R_T, in milliseconds, positive.

    Raises:
        ValueError: A runtime is not positive and finite, or the accuracy is not finite.
    """
    if not (math.isfinite(accuracy) and 0 < runtime_ms < math.inf and 0 < target_runtime_ms < math.inf):
        raise ValueError(
            "the reward needs a finite accuracy and positive, finite runtimes in ms; got "
            f"accuracy={accuracy}, runtime_ms={runtime_ms}, target_runtime_ms={target_runtime_ms}"
        )
    return accuracy if runtime_ms <= target_runtime_ms else accuracy * target_runtime_ms / runtime_ms
