"""The Slack stand-in: one workspace, one installed app, driven by Slack's own clients.

`World` is the workspace; `routes` is what it serves: the Web API, the Socket Mode link,
response_urls, uploads, and `/control/slack/*` for whoever plays the people.

How strict and how patient it is stands in the state under `settings` (`records.Behaviour`), e.g.
`PUT /control/state {"slack": {"settings": {"unsupported_blocks": ["plan"]}}}`.

Faults are planned for the vendor `slack` by operation: a method's name, `response_url`, `upload`,
`socket` (a connection being opened), or what Slack sends to the app: `command`, `interaction`,
`event`. There, lost-before never sends, lost-after loses the acknowledgement, disconnect cuts the
connection once the payload is out, and every other kind but delay counts as "nobody reached".
"""

from sandbox.slack.endpoints import routes
from sandbox.slack.world import World

__all__ = ["World", "routes"]
