"""Single-path with the straight-through estimator: the same gates, whose gradient is that of the identity."""

from functools import partial

from nas_worker.formulations.base import Formulation
from nas_worker.superkernel import straight_through_gate
from nas_worker.trainer import SearchTrainer, inherited

FORMULATION = Formulation(partial(SearchTrainer, gate=straight_through_gate), inherited)
