"""Webhook deliveries that are due: queued with the end of their study, so that none is forgotten."""

import json
import secrets
from datetime import timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from service.db import events
from service.db.columns import UtcNow
from service.db.models import StudyRow, WebhookDeliveryRow
from service.db.session import Database
from service.domain.events import EventKind
from service.domain.records import DeliveryRecord, StudyRecord


def enqueue(session: Session, study: StudyRecord) -> None:
    """Queues the message that a study has completed or failed, in the transaction in which it does."""
    best = study.best
    body = {
        "type": f"study.{study.state}",
        "timestamp": study.updated_at.isoformat(),
        "data": {
            "id": study.id,
            "name": study.spec.name,
            "state": study.state,
            "error": study.error,
            "target_runtime_ms": study.spec.target_runtime_ms,
            "platform": study.spec.platform,
            "spent_epochs": study.spent_epochs,
            "best": best
            and {
                "number": best.number,
                "lambda": best.lambda_,
                "accuracy": best.accuracy,
                "runtime_ms": best.runtime_ms,
                "reward": best.reward,
            },
        },
    }
    session.add(
        WebhookDeliveryRow(
            id=secrets.token_hex(16),
            study_id=study.id,
            body=json.dumps(body, ensure_ascii=False),
            attempts=0,
            due_at=UtcNow(),
        )
    )


class Webhooks:
    """Deliveries, for those who send them; several processes may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, seconds: float) -> DeliveryRecord | None:
        """Takes the delivery that has been due for longest, or None where none is due.

        Nobody else gets it for so many seconds; if its sender dies, it is due again after them.
        """
        # Reading first: on SQLite a writing transaction would keep the trials' waiting, once a second.
        with self._database.reading() as session:
            is_due = exists().where(WebhookDeliveryRow.due_at <= UtcNow())
            if not session.scalar(select(is_due)):
                return None
        with self._database.writing() as session:
            now = session.scalars(select(UtcNow())).one()
            row = session.scalar(
                select(WebhookDeliveryRow)
                .where(WebhookDeliveryRow.due_at <= now)
                .order_by(WebhookDeliveryRow.due_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if row is None:
                return None
            row.due_at = now + timedelta(seconds=seconds)
            row.attempts += 1
            return DeliveryRecord(row.id, row.study_id, row.body, row.attempts)

    def close(self, delivery: DeliveryRecord, outcome: str) -> None:
        """Ends a delivery, sent or given up, and tells its study, if it is still there, how."""
        with self._database.writing() as session:
            study = session.scalar(
                select(StudyRow).where(StudyRow.id == delivery.study_id).with_for_update(key_share=True)
            )
            if study is not None:
                events.record(session.connection(), study.key, EventKind.WEBHOOK, detail=outcome)
            session.execute(delete(WebhookDeliveryRow).where(WebhookDeliveryRow.id == delivery.id))

    def postpone(self, delivery: DeliveryRecord, seconds: float) -> None:
        """Has a delivery tried again later."""
        with self._database.writing() as session:
            row = session.get(WebhookDeliveryRow, delivery.id)
            if row is not None:
                row.due_at = session.scalars(select(UtcNow())).one() + timedelta(seconds=seconds)
