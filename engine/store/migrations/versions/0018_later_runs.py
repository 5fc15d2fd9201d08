"""Whether a later run about the same has succeeded is found in an index alone"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_runs_outcome", "runs", ["subject", "status", "started_at"])
