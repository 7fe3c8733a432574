"""gate margins of epochs.

Revision: 0008, after 0007. Epochs from before it have none; on the way down they are lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("epochs", sa.Column("gate_margins", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("epochs", "gate_margins")
