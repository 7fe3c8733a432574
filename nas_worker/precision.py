"""In which numbers networks are computed."""

import torch

from nas_worker.job import Precision


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """A context in which a network computes; it may be entered again.

    ``auto`` is bfloat16 on GPUs that have it. On CPUs it is float32: few of them are faster with bfloat16.
    """
    is_bfloat16 = precision == "bfloat16" or (
        precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
    )
    return torch.autocast(device.type, torch.bfloat16, enabled=is_bfloat16)
