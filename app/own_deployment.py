"""How a host has to run the bot itself, and `doctor`'s comparison with what Railway has."""

from __future__ import annotations

from typing import Final

START_COMMAND: Final = "python -m app serve"
PRE_DEPLOY_COMMAND: Final = "python -m app migrate"
HEALTH_CHECK_PATH: Final = "/readyz"
HEALTH_CHECK_TIMEOUT_S: Final = 120
RESTART_POLICY: Final = "ALWAYS"
OVERLAP_S: Final = 0
DRAINING_S: Final = 30
"""The same as in `.railway/railway.py`, `railway.toml` and `Procfile`; a test compares them."""
