"""Made-up input for whatever comes from outside; `make fuzz EXAMPLES=5000` makes up more."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_FEW = 40
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("EXAMPLES", _FEW)),
    deadline=None,
    derandomize="EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
settings.load_profile("fuzz")
