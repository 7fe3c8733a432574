"""further targets of a study.

Revision: 0003, after 0002. On the way down a study keeps its first target only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("studies", sa.Column("further_targets_ms", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("studies", "further_targets_ms")
