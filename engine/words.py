"""How durations, ages, amounts and lists are said, the same on every door. Pure."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.run import InLine

PROMPT = "/luthien"
"""What stands before a command line in Slack."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration(span: timedelta) -> str:
    """The two largest units: `45 s`, `2 min 5 s`, `6 d 4 h`; below a second `0.4 s`, `<0.1 s`."""
    seconds = abs(span.total_seconds())
    if seconds < 0.1:
        return "<0.1 s"
    if seconds < 0.95:
        return f"{seconds:.1f} s"
    left = round(seconds)
    for index, (size, unit) in enumerate(_UNITS):
        if left >= size:
            whole, rest = divmod(left, size)
            smaller, name = _UNITS[index + 1] if index + 1 < len(_UNITS) else (1, "")
            minor = rest // smaller if name else 0
            return f"{whole} {unit} {minor} {name}" if minor else f"{whole} {unit}"
    return "0 s"


def about(span: timedelta) -> str:
    """One unit, for what need not be exact: `40 s`, `3 min`, `5 h`, `12 d`."""
    seconds = abs(span.total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def ago(moment: datetime, now: datetime) -> str:
    """`just now`, `3 min ago`."""
    span = now - moment
    return "just now" if span < timedelta(seconds=5) else f"{about(span)} ago"


def until(moment: datetime, now: datetime) -> str:
    """A countdown: `in 6 d 4 h`, `due` once the moment has passed."""
    return "due" if moment <= now else f"in {duration(moment - now)}"


def moment(at: datetime) -> str:
    """A point in time that everybody reads the same: `Sat 28 Nov 2026 07:10 UTC`."""
    return f"{at.astimezone(UTC):%a %d %b %Y %H:%M} UTC"


def milliseconds(span: timedelta) -> str:
    """`87 ms`, and from a second on as `duration` says it."""
    value = span.total_seconds() * 1000
    return f"{value:.0f} ms" if value < 1000 else duration(span)


def plural(count: int, noun: str) -> str:
    """`1 run`, `2 runs`, `1,000 instances`, `3 entries`."""
    if count == 1:
        return f"1 {noun}"
    ends_in_y = noun.endswith("y") and noun[-2:-1] not in "aeiou"
    return f"{count:,} {noun[:-1]}ies" if ends_in_y else f"{count:,} {noun}s"


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def some(names: Sequence[str], *, most: int = 10) -> str:
    """The first names, and how many more there are: `a, b and 990 more`."""
    left = len(names) - most
    return listed([*names[:most], *([f"{left:,} more"] if left > 0 else [])])


def dollars(amount: Decimal) -> str:
    """`$6.10`, `<$0.01`."""
    return "<$0.01" if 0 < amount < Decimal("0.005") else f"${amount:.2f}"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else last}"


def in_line(stands: InLine, now: datetime) -> str:
    """Where a waiting run stands, what it waits for, and when its turn comes or who decides."""
    before = f"It waits, {ordinal(stands.place)} in line."
    who = stands.held_by.name if stands.held_by else "somebody"
    subject = stands.lock.partition(":")[2] or stands.lock
    if stands.run_id and stands.expected_at:
        due = stands.expected_at
        when = f"at about {due:%H:%M:%S} UTC" if due > now else "any moment now"
        by = f"`{stands.run_line}` (run `{stands.run_id}`, by {who})"
        return f"{before} Under way is {by}. Its turn is expected {when}."
    if stands.run_id:
        status = (stands.run_status or "over").replace("_", " ")
        return (
            f"{before} Run `{stands.run_id}` (`{stands.run_line}`) {status} and keeps `{subject}`"
            f" until {who} or an admin decides: `{typed(f'retry {stands.run_id}')}` or"
            f" `{typed(f'clean-up {stands.run_id}')}`."
        )
    since = f" since {moment(stands.since)}" if stands.since else ""
    return (
        f"{before} {who} has locked `{subject}`{since}: {stands.reason}. It goes on when {who}"
        " unlocks it."
    )


def typed(line: str) -> str:
    """A command line as it is typed in Slack; the command line door strips the slash."""
    return f"{PROMPT} {line}"
