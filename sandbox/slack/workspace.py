"""The workspace that a first start finds: three people, the bot, two channels, one group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack.records import Channel, Group, Person, State

if TYPE_CHECKING:
    from sandbox.slack.manifest import App

TEAM_ID = "T0SANDBOX1"
TEAM_NAME = "Sandbox"
TEAM_DOMAIN = "sandbox"
APP_ID = "A0SANDBOX1"
BOT_ID = "B0SANDBOX1"
BOT_USER = "U0LUTHIEN1"
SLACKBOT = "USLACKBOT"


def first_state(app: App) -> State:
    """People and channels keep these ids whatever the seed, so that settings can name them."""
    now = int(times.now())
    ada, ben, cleo = "U0ADA00001", "U0BEN00001", "U0CLEO0001"
    people = [
        Person(
            id=ada,
            name="ada",
            real_name="Ada Lindqvist",
            email="ada@sandbox.example",
            title="Platform lead",
            color="9f69e7",
            is_admin=True,
        ),
        Person(
            id=ben,
            name="ben",
            real_name="Ben Okafor",
            email="ben@sandbox.example",
            title="Deploys on weekdays",
            color="2b8a3e",
        ),
        Person(
            id=cleo,
            name="cleo",
            real_name="Cleo Marchetti",
            email="cleo@sandbox.example",
            title="Support",
            color="e8590c",
        ),
        Person(id=BOT_USER, name=app.bot_name, real_name=app.name, is_bot=True),
        Person(id=SLACKBOT, name="slackbot", real_name="Slackbot", color="757575"),
    ]
    everybody = [ada, ben, cleo]
    channels = [
        Channel(
            id="C0OPS00001",
            name="ops",
            members=[*everybody, BOT_USER],
            creator=ada,
            created=now,
            topic="Instances, deploys, questions",
        ),
        Channel(
            id="C0GENERAL1",
            name="general",
            members=everybody,
            creator=ada,
            created=now,
            is_general=True,
            topic="Company-wide announcements",
        ),
        *(
            Channel(
                id=id_,
                name="directmessage",
                members=[person, BOT_USER],
                creator=person,
                created=now,
                is_im=True,
            )
            for id_, person in (("D0ADA00001", ada), ("D0BEN00001", ben), ("D0CLEO0001", cleo))
        ),
    ]
    oncall = Group(id="S0ONCALL01", handle="oncall", name="On call", members=[ada, ben])
    return State(
        people={person.id: person for person in people},
        groups={oncall.id: oncall},
        channels={channel.id: channel for channel in channels},
    )
