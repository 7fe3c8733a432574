"""Statements that several parts of the store share."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.db.models import Base, StudyRow
from service.domain.errors import InvalidFieldError, NotFoundError


def upsert(session: Session, table: type[Base]) -> Any:
    """An INSERT with ``on_conflict_do_nothing`` and ``on_conflict_do_update``, alike on both databases."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def find_study(session: Session, study_id: str, *, lock: bool = False) -> StudyRow:
    """The row of a study; with ``lock``, no other transaction changes the study or its trials meanwhile.

    Raises:
        NotFoundError: There is no such study.
    """
    row = None
    if study_id.isascii() and study_id.isalnum():  # the database need not see anything else
        query = select(StudyRow).where(StudyRow.id == study_id)
        row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFoundError(f"there is no study {study_id!r}")
    return row


def check_text(field: str, text: str, max_length: int) -> None:
    """Refuses text that PostgreSQL cannot store, that is no Unicode, or that is too long.

    Raises:
        InvalidFieldError: Of ``field``.
    """
    if len(text) > max_length:
        raise InvalidFieldError(field, f"{field} must have at most {max_length} characters; got {len(text)}")
    if clean_text(text) != text:
        raise InvalidFieldError(field, f"{field} must not contain NUL or lone surrogate characters")


def clean_text(text: str) -> str:
    """The text with what cannot be stored replaced: for messages that come from elsewhere."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
