import platform
import subprocess
import sys

import pytest

# Buffers of 96 MB in all, freed together, as at the end of a network's run: by default glibc gives most of
# them back, and the system clears 23,400 pages for each further run.
_PROGRAM = """
import resource
import torch
from nas_worker.heap import keep_freed_memory

assert keep_freed_memory()

def faults(runs):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(runs):
        buffers = [torch.empty(3_000_000).fill_(1) for _ in range(8)]
        del buffers
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(10)
print(faults(20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc only")
def test_freed_memory_is_used_again() -> None:
    found = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 1000
