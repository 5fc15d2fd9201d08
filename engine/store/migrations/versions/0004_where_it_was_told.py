"""Which message was posted where is looked up by its place"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("told", schema=None) as batch_op:
        batch_op.create_index("ix_told_ts", ["ts", "channel"], unique=False)
