"""trial timeouts, shortages of resources, checkpoints of deleted studies.

Revision: 0005, after 0004. Attempts that run during the upgrade are timed from their next start on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("studies", sa.Column("trial_timeout_seconds", sa.Double(), nullable=True))
    op.add_column("studies", sa.Column("shortage", sa.Text(), nullable=True))
    op.add_column("trials", sa.Column("attempt_started_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "deleted_studies",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_studies")),
    )


def downgrade() -> None:
    op.drop_table("deleted_studies")
    op.drop_column("trials", "attempt_started_at")
    op.drop_column("studies", "shortage")
    op.drop_column("studies", "trial_timeout_seconds")
