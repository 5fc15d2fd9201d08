"""What people do: type, click, open, submit, close. Each answers how the app took it."""

from sandbox.slack.acting.clicking import Target, click, react, shortcut, stop_stream, suggest
from sandbox.slack.acting.grouping import regroup
from sandbox.slack.acting.outcome import shown
from sandbox.slack.acting.viewing import close, open_home, submit, view_action
from sandbox.slack.acting.writing import command, say

__all__ = [
    "Target",
    "click",
    "close",
    "command",
    "open_home",
    "react",
    "regroup",
    "say",
    "shortcut",
    "shown",
    "stop_stream",
    "submit",
    "suggest",
    "view_action",
]
