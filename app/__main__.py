"""`luthien`."""

from __future__ import annotations

import sys

from app import collector


def main() -> None:
    collector.rest()
    # Imported late, while the collector rests: this is most of what a short command does.
    from app import program

    line = program.made()
    collector.wake()
    sys.exit(line(sys.argv[1:]))


if __name__ == "__main__":
    main()
