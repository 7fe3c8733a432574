"""provenance of trials, and trials that were taken from identical ones.

Revision: 0006, after 0005. Trials from before it are never taken for others. On the way down reused trials
count as spent.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "studies", sa.Column("reuse_trials", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column("trials", sa.Column("dataset_fingerprint", sa.Text(), nullable=True))
    op.add_column("trials", sa.Column("versions", sa.JSON(), nullable=True))
    op.add_column("trials", sa.Column("identity", sa.String(length=64), nullable=True))
    op.add_column("trials", sa.Column("reused_study_id", sa.String(length=32), nullable=True))
    op.add_column("trials", sa.Column("reused_number", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_trials_identity"), "trials", ["identity"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_trials_identity"), table_name="trials")
    for name in ("reused_number", "reused_study_id", "identity", "versions", "dataset_fingerprint"):
        op.drop_column("trials", name)
    op.drop_column("studies", "reuse_trials")
