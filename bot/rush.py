"""How often one person may ask: what comes faster than anybody can mean it is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot import refusals
from engine import chronicle
from engine.actor import Door
from engine.errors import TooManyRequests
from engine.throttle import Throttle

if TYPE_CHECKING:
    from bot.blocks import Render
    from bot.desk import Ask
    from engine.registry import Registry


class Rush:
    """Counts commands, clicks, forms and spoken wishes together, before anything is looked up or
    kept of them. 0 a second: no limit."""

    def __init__(self, registry: Registry, throttle: Throttle | None = None) -> None:
        self._registry = registry
        self._throttle = throttle or patient(0)

    def of(self, ask: Ask) -> Render | None:
        """The refusal, and when to ask again; None: go on."""
        said = self.over(ask)
        return refusals.refusal(said, self._registry) if said else None

    def over(self, ask: Ask) -> TooManyRequests | None:
        try:
            self._throttle.take(ask.user)
        except TooManyRequests as often:
            chronicle.refused(often, actor=f"{Door.SLACK}:{ask.user}", request=ask.delivery)
            return often
        return None


def patient(per_second: float) -> Throttle:
    """For people: a click does not come twice in the same instant."""
    mend = "A program that does this for you can have an API key of its own: /luthien apikey."
    return Throttle(per_second=per_second, burst=BURST, mend=mend)


def field_errors(view: dict[str, Any], text: str) -> dict[str, str]:
    """Said at the first field of a form, which stays open with all that was entered; empty where
    it has none."""
    fields = [b["block_id"] for b in view.get("blocks", ()) if b.get("type") == "input"]
    return {name: text for name in fields[:1] if name}


BURST = 60
"""At once; far more than anybody types, so that only programs and stuck keys meet it."""
