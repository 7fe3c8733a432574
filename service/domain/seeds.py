"""Seeds of trials: a function of the study's seed and the trial's number alone."""

import numpy as np


def trial_seed(study_seed: int, number: int) -> int:
    """Seed of the trial ``number`` of a study, in [0, 2**31).

    It does not depend on when trials start or end, so a study can be replayed in any order. 31 bits suit
    every library that takes a seed.

    Args:
        study_seed: Seed of the study, not negative.
        number: Number of the trial, from 0.

    Raises:
        ValueError: A number is negative.
    """
    sequence = np.random.SeedSequence(entropy=study_seed, spawn_key=(number,))
    return int(sequence.generate_state(1)[0]) >> 1
