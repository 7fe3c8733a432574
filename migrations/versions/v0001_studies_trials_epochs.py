"""studies, trials, epochs, platforms, lease, idempotency_keys.

Revision: 0001, the first.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _surrogate_key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _state(*values: str) -> sa.Enum:
    return sa.Enum(*values, name="state", native_enum=False, create_constraint=True, length=16)


def upgrade() -> None:
    lease = op.create_table(
        "lease",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deployment_id", sa.String(length=32), nullable=False),
        sa.CheckConstraint("(owner IS NULL) = (expires_at IS NULL)", name=op.f("ck_lease_owner")),
        sa.CheckConstraint("id = 1", name=op.f("ck_lease_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease")),
    )
    op.create_table(
        "platforms",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("latency_table", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_platforms")),
    )
    op.create_table(
        "studies",
        sa.Column("key", _surrogate_key(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "state",
            _state("pending", "running", "paused", "completed", "cancelled", "failed"),
            nullable=False,
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("target_runtime_ms", sa.Double(), nullable=False),
        sa.Column("platform", sa.String(length=100), nullable=False),
        sa.Column("solver", sa.JSON(), nullable=False),
        sa.Column("lambda_low", sa.Double(), nullable=False),
        sa.Column("lambda_high", sa.Double(), nullable=False),
        sa.Column("epochs_min", sa.Integer(), nullable=False),
        sa.Column("epochs_max", sa.Integer(), nullable=False),
        sa.Column("budget_epochs", sa.Integer(), nullable=False),
        sa.Column("max_parallel_trials", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("search", sa.JSON(), nullable=False),
        sa.Column("resources", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "0 < lambda_low AND lambda_low < lambda_high", name=op.f("ck_studies_lambda_range")
        ),
        sa.CheckConstraint(
            "1 <= epochs_min AND epochs_min <= epochs_max", name=op.f("ck_studies_epochs_range")
        ),
        sa.CheckConstraint("budget_epochs >= epochs_max", name=op.f("ck_studies_budget_epochs")),
        sa.CheckConstraint("max_parallel_trials >= 1", name=op.f("ck_studies_max_parallel_trials")),
        sa.CheckConstraint("seed >= 0", name=op.f("ck_studies_seed")),
        sa.CheckConstraint(
            "target_runtime_ms > 0 AND target_runtime_ms < 1e9", name=op.f("ck_studies_target_runtime_ms")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_studies")),
        sa.UniqueConstraint("id", name=op.f("uq_studies_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_studies_state_key"), "studies", ["state", "key"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("study_key", _surrogate_key(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_key"],
            ["studies.key"],
            name=op.f("fk_idempotency_keys_study_key_studies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_study_key"), "idempotency_keys", ["study_key"], unique=False)
    op.create_table(
        "trials",
        sa.Column("id", _surrogate_key(), nullable=False),
        sa.Column("study_key", _surrogate_key(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", _state("queued", "running", "completed", "failed", "cancelled"), nullable=False),
        sa.Column("lambda", sa.Double(), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("hinge_target_ms", sa.Double(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("platform_hash", sa.Text(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name=op.f("ck_trials_error")),
        sa.CheckConstraint("(state = 'running') = (worker IS NOT NULL)", name=op.f("ck_trials_worker")),
        sa.CheckConstraint(
            "(state IN ('queued', 'running')) = (finished_at IS NULL)", name=op.f("ck_trials_finished_at")
        ),
        sa.CheckConstraint("attempt >= 0", name=op.f("ck_trials_attempt")),
        sa.CheckConstraint("crashes >= 0 AND crashes <= attempt", name=op.f("ck_trials_crashes")),
        sa.CheckConstraint("epochs >= 1", name=op.f("ck_trials_epochs")),
        sa.CheckConstraint(
            "hinge_target_ms > 0 AND hinge_target_ms < 1e9", name=op.f("ck_trials_hinge_target_ms")
        ),
        sa.CheckConstraint("lambda > 0 AND lambda < 1e9", name=op.f("ck_trials_lambda")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_trials_number")),
        sa.ForeignKeyConstraint(
            ["study_key"], ["studies.key"], name=op.f("fk_trials_study_key_studies"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
        sa.UniqueConstraint("study_key", "number", name=op.f("uq_trials_study_key_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_trials_state_study_key"), "trials", ["state", "study_key"], unique=False)
    op.create_index(
        op.f("ix_trials_study_key_lambda_number"), "trials", ["study_key", "lambda", "number"], unique=False
    )
    op.create_index(
        op.f("ix_trials_study_key_updated_at"), "trials", ["study_key", "updated_at"], unique=False
    )
    op.create_table(
        "epochs",
        sa.Column("trial_id", _surrogate_key(), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cross_entropy", sa.Double(), nullable=False),
        sa.Column("accuracy", sa.Double(), nullable=False),
        sa.Column("runtime_ms", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("architecture", sa.JSON(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.CheckConstraint("accuracy >= 0 AND accuracy <= 1", name=op.f("ck_epochs_accuracy")),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_epochs_attempt")),
        sa.CheckConstraint(
            "cross_entropy >= 0 AND cross_entropy < 1e300", name=op.f("ck_epochs_cross_entropy")
        ),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_epochs_epoch")),
        sa.CheckConstraint("runtime_ms > 0 AND runtime_ms < 1e9", name=op.f("ck_epochs_runtime_ms")),
        sa.CheckConstraint("seconds >= 0 AND seconds < 1e9", name=op.f("ck_epochs_seconds")),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.id"], name=op.f("fk_epochs_trial_id_trials"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "epoch", name=op.f("pk_epochs")),
    )
    # The one row of the lease, held by nobody.
    op.bulk_insert(lease, [{"id": 1, "fence": 0, "deployment_id": secrets.token_hex(8)}])


def downgrade() -> None:
    op.drop_table("epochs")
    op.drop_index(op.f("ix_trials_study_key_updated_at"), table_name="trials")
    op.drop_index(op.f("ix_trials_study_key_lambda_number"), table_name="trials")
    op.drop_index(op.f("ix_trials_state_study_key"), table_name="trials")
    op.drop_table("trials")
    op.drop_index(op.f("ix_idempotency_keys_study_key"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index(op.f("ix_studies_state_key"), table_name="studies")
    op.drop_table("studies")
    op.drop_table("platforms")
    op.drop_table("lease")
