"""Platforms by name or file, as the commands take them."""

from pathlib import Path

from pydantic import ValidationError

from nas_worker.platform import Platform, load_platform
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
    except (OSError, ValidationError) as error:
        reason = "; ".join(str(error).splitlines())
        raise CliError(f"{path}: not a platform file: {reason}", ExitCode.USAGE) from error
