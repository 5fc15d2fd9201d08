"""The Slack stand-in: one workspace, one installed app, driven by Slack's own clients.

`World` is the workspace; `routes` is what it serves: the Web API, the Socket Mode link,
response_urls, uploads, and `/control/slack/*` for whoever plays the people.
"""

from sandbox.slack.endpoints import routes
from sandbox.slack.world import World

__all__ = ["World", "routes"]
