"""`make faults` as docs/faults.md says it: with nothing set, its tests are found."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from app.demo import ROOT

SET = re.compile(r"\b([A-Z]+)=(?:'([^']*)'|(\S+))")


def test_with_nothing_set_the_tests_are_found() -> None:
    ours = {"SEED", "SCHEDULES", "SIMULATED", "RESULTS", "LANES", "ONLY", "REPLAY", "SIMULATE"}
    bare = {name: value for name, value in os.environ.items() if name not in ours}
    told = subprocess.run(
        ["make", "-n", "faults"], cwd=ROOT, env=bare, capture_output=True, text=True, check=True
    ).stdout
    given = {name: quoted or plain for name, quoted, plain in SET.findall(told)}
    assert given.keys() >= ours
    asked = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/fault"]
    found = subprocess.run(
        asked, cwd=ROOT, env=bare | given, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout[-2000:]
    assert "test_simulated_schedules" in found.stdout
