"""What an experiment has measured so far, a line of JSON each, so that it goes on where it was broken off."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nas_worker.atomic import write_text
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode

Row = dict[str, Any]


class Records:
    """Finished parts of an experiment, by key.

    Args:
        path: The file; it is made when the first part is finished.
        header: What all parts depend on, as JSON values.

    Raises:
        CliError: The file is of an experiment with other settings, or not one of this command's.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path = path
        self._rows: list[Row] = []
        self._header: Row = json.loads(json.dumps(dict(header)))
        if path.exists():
            self._read()

    @property
    def rows(self) -> list[Row]:
        """All finished parts, in the order in which they were finished."""
        return list(self._rows)

    def get(self, key: str, make: Callable[[], Row]) -> Row:
        """The part of a key, made and kept if it is not there yet."""
        for known in self._rows:
            if known["key"] == key:
                return known
        row: Row = json.loads(json.dumps({"key": key, **make()}))
        self._rows.append(row)
        lines = [json.dumps(each) for each in (self._header, *self._rows)]
        write_text(self._path, "\n".join(lines) + "\n")
        return row

    def _read(self) -> None:
        try:
            header, *rows = (json.loads(line) for line in self._path.read_text("utf-8").splitlines())
        except (OSError, ValueError) as error:
            raise CliError(f"{self._path}: no records of an experiment: {error}", ExitCode.USAGE) from error
        differing = [key for key, value in self._header.items() if header.get(key) != value]
        if differing:
            raise CliError(
                f"{self._path} holds an experiment with another {', '.join(differing)}; choose another --out",
                ExitCode.USAGE,
            )
        self._rows = rows


def csv_of(rows: list[Row]) -> str:
    """Rows as CSV; a column is there if any row has it."""
    file = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
