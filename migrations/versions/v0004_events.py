"""events.

Revision: 0004, after 0003. What happened before it is not known; on the way down all events are lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KINDS = (
    "created", "state", "retry", "adopted", "lease", "budget", "retargeted", "reused", "warning", "webhook",
)  # fmt: skip


def _surrogate_key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", _surrogate_key(), nullable=False),
        sa.Column("study_key", _surrogate_key(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(*_KINDS, name="kind", native_enum=False, create_constraint=True, length=16),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_key"], ["studies.key"], name=op.f("fk_events_study_key_studies"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_study_key_id"), "events", ["study_key", "id"], unique=False)
    op.create_index(
        op.f("ix_events_study_key_trial_id"), "events", ["study_key", "trial", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_events_study_key_trial_id"), table_name="events")
    op.drop_index(op.f("ix_events_study_key_id"), table_name="events")
    op.drop_table("events")
