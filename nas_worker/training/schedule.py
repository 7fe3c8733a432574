"""How the learning rate and the averaging of the weights go along a training (Sec. V)."""

_REFERENCE_EPOCHS = 350
_WARM_UP_EPOCHS = 5
_DECAY = 0.97
_DECAY_EPOCHS = 2.4
"""The rate falls by 3 % every 2.4 of 350 epochs, after 5 epochs in which it rises."""


def relative_rate(step: int, total_steps: int) -> float:
    """Learning rate of a step, from 0, over its peak, for a training of whatever length."""
    epoch = step / total_steps * _REFERENCE_EPOCHS
    ramp = min(1.0, (step + 1) / total_steps * _REFERENCE_EPOCHS / _WARM_UP_EPOCHS)
    return float(ramp * _DECAY ** int(epoch / _DECAY_EPOCHS))
