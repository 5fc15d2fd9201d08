"""What was tried and what came of it: one line of JSON each, so that a long search can be broken
off and taken up again. `python -m tests.fault.ledger FILE` sums it up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Ledger:
    """`file` None: nothing is kept."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.entries: dict[str, dict[str, Any]] = {}
        """The newest of each kind, by its name."""
        if file is not None and file.exists():
            for line in file.read_text().splitlines():
                entry = json.loads(line)
                self.entries[entry["tried"]] = entry

    @classmethod
    def at(cls, path: str) -> Ledger:
        return cls(Path(path) if path else None)

    def held(self, tried: str) -> bool:
        """It was tried already, and nothing was wrong."""
        return tried in self.entries and not self.entries[tried]["failures"]

    def note(
        self, tried: str, failures: Iterable[str], struck: Mapping[str, int], **more: Any
    ) -> None:
        """Durable at once; lines of several processes do not mix."""
        entry = {
            "tried": tried,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "revision": _revision(),
            "failures": list(failures),
            "struck": dict(struck),
            **more,
        }
        self.entries[tried] = entry
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a") as lines:
                lines.write(f"{json.dumps(entry)}\n")

    def summary(self) -> str:
        """How much was tried of what, what went wrong on the way, and what did not hold."""
        tried, failed = Counter[str](), Counter[str]()
        struck, said = Counter[str](), list[str]()
        for entry in self.entries.values():
            name = f"{entry['kind']} {entry['operation']}".strip()
            tried[name] += entry["count"]
            failed[name] += len(entry["failures"])
            struck.update(entry["struck"])
            said += entry["failures"]
        lines = [f"{tried[name]:7,} {name}: {failed[name]} failed" for name in sorted(tried)]
        lines += ["", *(f"{count:7,} × {what}" for what, count in sorted(struck.items()))]
        return "\n".join([*lines, "", *said])


@cache
def _revision() -> str:
    """Of the code that was tried."""
    asked = ["git", "describe", "--always", "--dirty"]
    here = Path(__file__).parent
    told = subprocess.run(asked, cwd=here, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


if __name__ == "__main__":
    print(Ledger.at(sys.argv[1]).summary())
