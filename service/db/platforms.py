"""Platforms in the store."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from nas_worker.platform import Platform, load_platform, platform_names
from service.db.columns import UtcNow
from service.db.models import PlatformRow, StudyRow
from service.db.session import Database
from service.db.statements import upsert
from service.domain.errors import ConflictError, NotFoundError
from service.domain.states import StudyState


class Platforms:
    """Latency tables: those that users put in, beside those that come with ``nas_worker``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, platform: Platform) -> None:
        """Stores a table, or replaces the one of the same name.

        Raises:
            ConflictError: A shipped platform has this name, or an unfinished study uses another table of this
                name: its trials would no longer be comparable.
        """
        if platform.name in platform_names():
            raise ConflictError(f"the platform {platform.name!r} comes with the service; choose another name")
        with self._database.writing() as session:
            row = session.get(PlatformRow, platform.name)
            changes = row is not None and _table(Platform.model_validate(row.latency_table)) != _table(
                platform
            )
            if changes and (user := self._unfinished_study(session, platform.name)) is not None:
                raise ConflictError(
                    f"the study {user} uses the platform {platform.name!r} and has not ended; "
                    "choose another name, or cancel the study"
                )
            values = {"latency_table": platform.model_dump(mode="json"), "updated_at": UtcNow()}
            statement = upsert(session, PlatformRow).values(name=platform.name, **values)
            session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))

    def _unfinished_study(self, session: Session, name: str) -> str | None:
        unfinished = [state for state in StudyState if not state.is_final]
        uses = select(StudyRow.id).where(StudyRow.platform == name, StudyRow.state.in_(unfinished))
        return session.scalar(uses.limit(1))

    def get(self, name: str) -> Platform:
        """A platform by name, shipped or put in.

        Raises:
            NotFoundError: There is none of that name.
        """
        if name in platform_names():
            return load_platform(name)
        with self._database.reading() as session:
            row = session.get(PlatformRow, name) if name.isascii() and name.isprintable() else None
            if row is None:
                raise NotFoundError(f"there is no platform {name!r}")
            return Platform.model_validate(row.latency_table)

    def list(self) -> tuple[Platform, ...]:
        """The platforms that users put in, by name."""
        with self._database.reading() as session:
            rows = session.scalars(select(PlatformRow).order_by(PlatformRow.name))
            return tuple(Platform.model_validate(row.latency_table) for row in rows)


def _table(platform: Platform) -> Platform:
    """What trials depend on: all but what was measured to test it."""
    return platform.model_copy(update={"measured_convnets": ()})
