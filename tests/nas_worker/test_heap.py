import platform
import subprocess
import sys

import pytest

# A buffer of 8 MB, freed and taken again, as a convolution's output is: its pages need not be cleared anew.
_PROGRAM = """
import resource, sys
import torch
from nas_worker.heap import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        first, second = torch.empty(2_000_000).fill_(1), torch.empty(7_000_000).fill_(1)
        del first, second
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(3)
print(faults(20))
"""


def page_faults(mode: str) -> int:
    found = subprocess.run([sys.executable, "-c", _PROGRAM, mode], capture_output=True, text=True, check=True)
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc only")
def test_freed_memory_is_used_again() -> None:
    assert page_faults("keep") < page_faults("leave") / 10
