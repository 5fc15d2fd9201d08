"""The port behind which told messages are kept; the engine owns it."""

from engine.told import Post, PostState, Told

__all__ = ["Post", "PostState", "Told"]
