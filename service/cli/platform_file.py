"""Platforms by name or file, as the commands take them."""

import re
from pathlib import Path

from pydantic import ValidationError

from nas_worker.platform import NAME_PATTERN, Platform, load_platform
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode


def named_platform(name: str) -> Platform:
    """A shipped platform, or that of a platform file if the name ends with .json.

    Raises:
        UnknownNameError: None of that name is shipped.
        CliError: The file is missing, or no platform file.
    """
    path = Path(name)
    return read_platform(path) if path.suffix == ".json" else load_platform(name)


def read_platform(path: Path) -> Platform:
    """The platform of a platform file.

    Raises:
        CliError: It is missing, or no platform file.
    """
    try:
        return Platform.from_json(path.read_bytes())
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", ExitCode.USAGE) from error
    except ValidationError as error:
        reason = "; ".join(str(error).splitlines())
        raise CliError(f"{path}: not a platform file: {reason}", ExitCode.USAGE) from error


def platform_name(path: Path, name: str | None) -> str:
    """The name that a new platform gets: the one that was asked for, else that of its file.

    Raises:
        CliError: It is no name of a platform.
    """
    found = path.stem.lower() if name is None else name
    if not re.fullmatch(NAME_PATTERN, found):
        raise CliError(
            f"{found!r} is no name of a platform; expected a small letter or a digit, then up to "
            "99 of those and '.', '_' and '-' (--name)",
            ExitCode.USAGE,
        )
    return found
