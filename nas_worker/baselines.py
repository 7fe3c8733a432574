"""Networks that others found and that a searched one is compared with (Tables I and III)."""

from nas_worker.space import Architecture

MOBILENET_V2 = "mobilenet-v2"
"""Not in the search space; ``mobilenet_v2`` has its network."""

_STAGES = {
    # Tan et al. 2019, Fig. 7 of "MnasNet", the variant without SE.
    "mnasnet-b1": (
        ("3x3-3-0",) * 3 + ("skip",),
        ("5x5-3-0",) * 3 + ("skip",),
        ("5x5-6-0",) * 3 + ("skip",),
        ("3x3-6-0",) * 2 + ("skip",) * 2,
        ("5x5-6-0",) * 4,
    ),
    # Stamoulis et al. 2019, "Single-Path NAS: Designing Hardware-Efficient ConvNets in less than 4 Hours".
    "single-path-nas": (
        ("3x3-3-0",) * 3 + ("skip",),
        ("5x5-6-0",) + ("3x3-3-0",) * 3,
        ("5x5-6-0",) + ("3x3-3-0",) * 3,
        ("5x5-6-0",) + ("5x5-3-0",) * 3,
        ("5x5-6-0",) * 4,
    ),
}


def baseline_names() -> tuple[str, ...]:
    """Names of the baselines that are in the search space, sorted."""
    return tuple(sorted(_STAGES))


def baseline(name: str) -> Architecture:
    """The architecture of one of :func:`baseline_names`.

    Raises:
        KeyError: There is none of that name.
    """
    return Architecture.parse([text for stage in _STAGES[name] for text in stage])
