"""What Slack accepts as blocks, written as tables."""

from sandbox.slack.blockkit.blocks import BLOCKS, Surface
from sandbox.slack.blockkit.elements import ELEMENTS
from sandbox.slack.blockkit.shape import Problem
from sandbox.slack.blockkit.surfaces import check_blocks, check_message, check_view

__all__ = [
    "BLOCKS",
    "ELEMENTS",
    "Problem",
    "Surface",
    "check_blocks",
    "check_message",
    "check_view",
]
