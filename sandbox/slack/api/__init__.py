"""The Web API: one file per family of methods; importing this package registers them all."""

from sandbox.slack.api import (
    app,
    chat,
    conversations,
    files,
    history,
    manifests,
    marks,
    membership,
    people,
    schedule,
    streams,
    views,
)
from sandbox.slack.api.endpoint import endpoint

__all__ = [
    "app",
    "chat",
    "conversations",
    "endpoint",
    "files",
    "history",
    "manifests",
    "marks",
    "membership",
    "people",
    "schedule",
    "streams",
    "views",
]
