"""Templates, with what all of them need: the style of our words, times, charts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.web import lines
from api.web.charts import HEIGHT, WIDTH, picture
from api.web.markup import Words
from engine.command import stands_in_line
from engine.run import StepStatus
from engine.words import about, ago, duration, moment, until

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.registry import Registry

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


def environment(registry: Registry, clock: Clock) -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=True,
    )
    words = Words(registry)
    made.filters |= {
        "words": words,
        "line": words.line,
        "duration": duration,
        "about": about,
        "moment": moment,
        "ago": lambda at: ago(at, clock.now()),
        "until": lambda at: until(at, clock.now()),
        "status": lambda status: str(status).replace("_", " "),
        "parsed": datetime.fromisoformat,
    }
    made.globals |= {
        "picture": picture,
        "chart_size": (WIDTH, HEIGHT),
        "link": lambda line, form=False: lines.link(registry, line, form=form),
        "step_words": STEP_WORDS,
        "waits": stands_in_line,
        "run_id_column": "Run",
    }
    return made


STEP_WORDS: dict[Any, str] = {
    StepStatus.WAITING: "waiting",
    StepStatus.RUNNING: "under way",
    StepStatus.DONE: "done",
    StepStatus.FAILED: "failed",
    StepStatus.ERRORED: "in doubt",
    StepStatus.STOPPED: "stopped",
}
