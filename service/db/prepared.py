"""Statements that go to the database's driver without SQLAlchemy's part of an execution.

For what is stored with every epoch: ``Connection.execute`` takes about four times as long as SQLite itself to
change a row. Transactions, connections and the text of the statements stay SQLAlchemy's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, UpdateBase
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement for one dialect."""

    text: str
    names: tuple[str, ...]
    is_positional: bool
    constants: dict[str, object]

    def values(self, parameters: Mapping[str, object]) -> list[object] | dict[str, object]:
        """What the driver takes."""
        given = self.constants | {**parameters}
        if self.is_positional:
            return [given[name] for name in self.names]
        return {name: given[name] for name in self.names}


class Prepared:
    """A statement that is compiled once for each dialect.

    Its parameters are given, and its rows returned, as the driver has them: numbers, texts and None; JSON and
    the words of an enumeration as text.

    Args:
        statement: An INSERT, UPDATE or DELETE. Constants in it must be numbers or texts too.
        columns: Those that it sets to parameters of their names.
    """

    def __init__(self, statement: UpdateBase, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = columns
        self._forms: dict[str, _Form] = {}

    def execute(self, connection: Connection, parameters: Mapping[str, object]) -> Sequence[tuple[Any, ...]]:
        """Executes it in the connection's transaction.

        Args:
            connection: Whose transaction has begun.
            parameters: By name.

        Returns:
            The rows of RETURNING, if it has that.

        Raises:
            DBAPIError: Or a subclass, as SQLAlchemy's own executions raise it.
            KeyError: A parameter is missing.
        """
        dialect = connection.dialect
        form = self._forms.get(dialect.name) or self._compile(dialect)
        values = form.values(parameters)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(form.text, values)
            rows: Sequence[tuple[Any, ...]] = () if cursor.description is None else cursor.fetchall()
        except dialect.loaded_dbapi.Error as error:
            raise _translated(connection, form.text, values, error) from error
        finally:
            cursor.close()
        return rows

    def _compile(self, dialect: Dialect) -> _Form:
        compiled = self._statement.compile(dialect=dialect, column_keys=[*self._columns])
        assert isinstance(compiled, SQLCompiler)
        form = _Form(
            text=str(compiled),
            names=tuple(compiled.positiontup or compiled.params),
            is_positional=compiled.positional,
            constants={
                name: value for name, value in compiled.params.items() if not compiled.binds[name].required
            },
        )
        return self._forms.setdefault(dialect.name, form)


def _translated(connection: Connection, text: str, values: Any, error: Any) -> BaseException:
    """The error in SQLAlchemy's words; a connection that is broken is given up."""
    is_disconnect = connection.dialect.is_disconnect(error, connection.connection, None)
    if is_disconnect:
        connection.invalidate(error)
    translated: BaseException = DBAPIError.instance(
        text,
        values,
        error,
        connection.dialect.loaded_dbapi.Error,
        connection_invalidated=is_disconnect,
        dialect=connection.dialect,
    )
    return translated
