"""The exit codes of `spnas`, documented in docs/cli.md."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a finished command tells its caller.

    ``USAGE`` covers what the command line itself and the service's validation refuse alike.
    """

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    INTERRUPTED = 130
