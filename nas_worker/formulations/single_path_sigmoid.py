"""The paper's method (Eqs. 2-4): gates compare norms with thresholds; their gradient is the sigmoid's."""

from functools import partial

from nas_worker.formulations.base import Formulation
from nas_worker.superkernel import gate
from nas_worker.trainer import SearchTrainer, inherited

FORMULATION = Formulation(partial(SearchTrainer, gate=gate), inherited)
