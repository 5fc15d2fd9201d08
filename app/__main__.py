"""`luthien`."""

from __future__ import annotations

import os
import sys

from app import collector


def main() -> None:
    # What this process makes is its owner's alone: the database with SQLite's and DBOS's files
    # beside it, which those make themselves, and a library's that we do not know of.
    os.umask(0o077)
    collector.rest()
    # Imported late, while the collector rests: this is most of what a short command does.
    from app import program

    line = program.made()
    collector.wake()
    sys.exit(line(sys.argv[1:]))


if __name__ == "__main__":
    main()
