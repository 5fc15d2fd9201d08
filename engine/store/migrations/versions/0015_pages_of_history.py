"""Pages of runs and audit are found in indexes alone"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_actor", "audit", ["actor", "seq"])
    op.create_index("ix_audit_action", "audit", ["action", "seq"])
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_runs_created_at", "runs", ["created_at"])
