"""How an instance is at this moment, as far as it decides what makes sense for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Situation:
    """As it stands here: one that is well, and that nobody is busy with."""

    made: bool = True
    """Its creation came to its end."""
    creating: bool = False
    """It may still come to that, be it by another bot's hand."""
    whole: bool = True
    """It has all the parts that it should have."""
    accepted: bool = False
    """What it lacks, somebody has accepted."""
    served: bool = True
    """The part that people reach is there."""
    configured: bool = True
    """And the host knows how it is built and run."""
    deployed: bool = True
    """And it runs, or has crashed."""
    leaving: bool = False
    """Its deletion is scheduled."""
    due: bool = False
    """And its time has come."""
    busy: bool = False
    """A run has it."""
    held: bool = False
    """A person has locked it."""
    barred: bool = False
    """And not whoever looks."""
    disclosed: bool = True
    """Whoever looks may be shown its keys."""

    @property
    def being_made(self) -> bool:
        return self.busy and not self.made
