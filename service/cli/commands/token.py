"""`spnas token`. Works on the database itself: the first token must come from somewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

from service.cli.console import say, show, show_json
from service.cli.options import Json
from service.cli.render.table import PlainTable
from service.cli.settings import effective_settings
from service.database import prepared_engine
from service.db.store import Store
from service.domain.access import Scope, TokenRecord

app = typer.Typer(
    no_args_is_help=True,
    help="Access tokens of the service whose database the settings name.\n\nExample: spnas token create CI",
)

DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", metavar="URL", help="SQLAlchemy URL. Default: as for spnas serve."),
]


class Token(BaseModel):
    """A token as --json prints it; ``token`` itself only when it is made."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    token: str | None = None


class TokenList(BaseModel):
    """All tokens, oldest first."""

    tokens: tuple[Token, ...]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What or whom the token is for.")],
    scope: Annotated[
        Scope, typer.Option(help="read: look; write: also change studies; admin: also store platforms.")
    ] = Scope.WRITE,
    days: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=36_500, help="Valid for so long. Default: for ever.")
    ] = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it. It is shown this once and cannot be read back.

    Example: spnas token create CI --scope write --days 90
    """
    with _store(database_url) as store:
        record, secret = store.tokens.create(
            name, scope, expires_in=None if days is None else timedelta(days=days)
        )
    if as_json:
        show_json(Token.model_validate(record).model_copy(update={"token": str(secret)}))
        return
    say(f"token {record.id} for {record.name} ({record.scope}); it is shown only now:")
    typer.echo(str(secret))


@app.command("list")
def list_(database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """List tokens, also those that are no longer valid, without their secrets.

    Example: spnas token list
    """
    with _store(database_url) as store:
        records = store.tokens.list()
    if as_json:
        show_json(TokenList(tokens=tuple(map(Token.model_validate, records))))
        return
    table = PlainTable("id", "name", "scope", "expires", "last used", "revoked", optional=("revoked",))
    for record in records:
        table.add_row(
            record.id,
            record.name,
            record.scope,
            _day(record.expires_at) or "never",
            _day(record.last_used_at) or "never",
            _day(record.revoked_at),
        )
    show(table)


@app.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As spnas token list shows it.")],
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """End a token's validity at once.

    Example: spnas token revoke 3f9a0c5d7e21
    """
    with _store(database_url) as store:
        record: TokenRecord = store.tokens.revoke(token_id)
    if as_json:
        show_json(Token.model_validate(record))
    else:
        say(f"token {record.id} for {record.name} is revoked")


@contextmanager
def _store(database_url: str | None) -> Iterator[Store]:
    engine = prepared_engine(effective_settings({"database_url": database_url} if database_url else {}))
    try:
        yield Store(engine)
    finally:
        engine.dispose()


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"
