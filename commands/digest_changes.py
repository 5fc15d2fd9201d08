"""What people changed in a digest's period, and what changed besides: grouped, so that it stays
short however much it was."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from commands.instance_state import InstanceStatus
from engine.mentions import mention
from engine.words import listed, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.control_plane import AuditEntry

SHOWN = 10
"""Names in a sentence."""
_PEOPLE = 5
_DONE, _AGREED = "run.succeeded", "approval.given"
_LOCKS = {"lock.held": "Locked", "lock.released": "Unlocked", "lock.stolen": "Lock taken over"}
ACTIONS = (_DONE, _AGREED, *_LOCKS)
"""Of the audit: what is told here."""
_SCHEDULED, _AT_ONCE, _EXPIRED = "Deletion scheduled", "Deleted at once", "Deleted after its grace"
_LEAVING = InstanceStatus.DELETION_SCHEDULED.words
_VERBS = {
    "create": "Created",
    "adopt": "Adopted",
    "cancel-delete": "Kept",
    "delete": _SCHEDULED,
    "delete --force": _AT_ONCE,
    "expire": _EXPIRED,
    "redeploy": "Redeployed",
    "rollback": "Rolled back",
    "restart": "Restarted",
    "config": "Configured",
    "policy-config": "Gateway policy set",
    "rotate": "Keys rotated",
    "repair": "Repaired",
    **_LOCKS,
}
"""In the order in which they are told; other commands follow by their own names."""


class Changes:
    """`entries` are of the period, in any order; `names` are those of actors, by key."""

    def __init__(self, entries: Sequence[AuditEntry], names: Mapping[str, str]) -> None:
        self._names = names
        agreed: dict[str, list[str]] = defaultdict(list)
        for entry in entries:
            if entry.action == _AGREED:
                agreed[entry.run_id].append(self._name(entry.actor))
        self._done: dict[str, dict[str, Counter[str]]] = {verb: {} for verb in _VERBS.values()}
        for entry in sorted(entries, key=lambda entry: entry.seq):
            verb = _verb(entry)
            if verb and entry.subject:
                who = self._name(entry.actor)
                if words := sorted(agreed.get(entry.run_id, ())):
                    who += f", approved by {listed(words)}"
                by = self._done.setdefault(verb, {})
                by.setdefault(who, Counter())[entry.subject] += 1

    def lines(self, seen: Mapping[str, str], states: Mapping[str, str]) -> list[str]:
        """One for each kind of change; `seen` is how it was, `states` how it is."""
        told = [f"• {verb}: {_grouped(by)}" for verb, by in self._done.items() if by]
        return told + ([f"• {what}" for what in self._besides(seen, states)] if seen else [])

    def _besides(self, seen: Mapping[str, str], states: Mapping[str, str]) -> Iterable[str]:
        """What the watch saw and nobody did here."""
        new = states.keys() - seen.keys() - self._about("Created", "Adopted")
        gone = seen.keys() - states.keys() - self._about(_AT_ONCE, _EXPIRED)
        asked = self._about(_SCHEDULED, "Kept")
        moved = [
            f"{name} ({seen[name]} → {states[name]})"
            for name in sorted(states.keys() & seen.keys())
            if states[name] != seen[name]
            and not (name in asked and _LEAVING in (seen[name], states[name]))
        ]
        for what, names in (("New", sorted(new)), ("Gone", sorted(gone)), ("Changed", moved)):
            if names:
                yield f"{what}: {some(names)}"

    def _about(self, *verbs: str) -> set[str]:
        return {name for verb in verbs for names in self._done[verb].values() for name in names}

    def _name(self, key: str) -> str:
        return self._names.get(key) or mention(key)


def _verb(entry: AuditEntry) -> str:
    """Empty for what is not told."""
    if entry.action in _LOCKS:
        return _LOCKS[entry.action]
    words = str(entry.detail.get("command") or "").split()
    if entry.action != _DONE or not words:
        return ""
    forced = f"{words[0]} --force" if "--force" in words else words[0]
    return _VERBS.get(forced) or _VERBS.get(words[0]) or f"`{words[0]}`"


def _grouped(by: Mapping[str, Counter[str]]) -> str:
    """`acme and beta ×3 by ada; gamma by ben`; of many only some names, and who did how many."""
    if sum(map(len, by.values())) <= SHOWN:
        return "; ".join(f"{listed(_counted(names))} by {who}" for who, names in by.items())
    names = [word for counted in by.values() for word in _counted(counted)]
    most = sorted(by.items(), key=lambda item: (-item[1].total(), item[0]))
    who = [f"{name} ({count.total():,})" for name, count in most[:_PEOPLE]]
    others = sum(count.total() for _, count in most[_PEOPLE:])
    return f"{some(names)}; by {listed([*who, *([f'others ({others:,})'] if others else [])])}"


def _counted(names: Counter[str]) -> list[str]:
    return [f"{name} ×{count}" if count > 1 else name for name, count in names.items()]
