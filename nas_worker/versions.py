"""With which software a search computes here."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

COMPUTING = ("nas_worker", "torch", "numpy")
"""Names of those versions that the numbers of a search depend on."""


@cache
def software_versions() -> Mapping[str, str]:
    """Versions by name: of packages, of Python, and as ``nas_worker`` a hash of this package's sources.

    The version of ``spnas-tuner`` may stay the same while its code changes; the hash does not. It is read
    once, so it stays that of the code that this process began with.
    """
    versions = {name: version(name) for name in ("spnas-tuner", "torch", "numpy")}
    versions["python"] = platform.python_version()
    versions["nas_worker"] = source_hash(Path(__file__).parent)
    return MappingProxyType(versions)


def source_hash(package: Path) -> str:
    """The first 16 hex digits of a SHA-256 over the names and contents of a folder's Python files.

    Raises:
        FileNotFoundError: There are none, as in an installation without sources.
    """
    digest = hashlib.sha256()
    paths = sorted(package.rglob("*.py"), key=lambda path: path.relative_to(package).as_posix())
    if not paths:
        raise FileNotFoundError(f"no Python files in {package}")
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
