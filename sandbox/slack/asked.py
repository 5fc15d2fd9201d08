"""What was asked of a control: its fields, turned into the things that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.control import ControlError
from sandbox.slack import acting, modals, workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.slack.records import Channel, Json, Message, Person, View
    from sandbox.slack.world import World


class Asked:
    """One control request: its fields, turned into the things that they name."""

    def __init__(self, world: World, fields: Mapping[str, Any]) -> None:
        self.world = world
        self.fields = fields

    def get(self, name: str) -> Any:
        return self.fields.get(name)

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise ControlError(f"{name} is missing")
        return value

    def person(self, name: str = "user") -> Person:
        person = self.world.person(self.text(name))
        if person is None or person.id == workspace.SLACKBOT:
            raise ControlError(f"there is nobody called {self.text(name)}")
        return person

    def channel(self, viewer: Person | None = None) -> Channel:
        """The channel, in which `viewer` has to be."""
        named = self.text("channel")
        channel = self.world.channel(named)
        addressed = None if channel else self.world.person(named)
        if addressed and addressed.id == workspace.BOT_USER and viewer:
            channel = self.world.direct_channel(viewer.id)
        if channel is None:
            raise ControlError(f"there is no channel {named}")
        if viewer and viewer.id not in channel.members:
            raise ControlError(f"{viewer.name} is not in {named}")
        return channel

    def message(self, viewer: Person) -> Message:
        """A message that this person can see."""
        channel = self.channel(viewer)
        message = self.world.messages(channel.id).get(self.text("ts"))
        if message is None or message.only_for not in (None, viewer.id):
            raise ControlError(f"{viewer.name} sees no message {self.text('ts')} there")
        return message

    def view(self, viewer: Person) -> View:
        view = self.world.state.views.get(self.text("view_id"))
        if view is None or view.user != viewer.id:
            raise ControlError(f"{viewer.name} has no view {self.text('view_id')} open")
        return view

    def top_modal(self, viewer: Person) -> View:
        """The named modal, which has to be the visible one."""
        view = self.view(viewer)
        stack = modals.stack(self.world, viewer.id)
        if not stack or stack[-1] is not view:
            raise ControlError(f"{view.id} is not the modal on top")
        return view

    def target(self) -> acting.Target:
        return acting.Target(
            self.get("action_id"),
            self.get("label"),
            self.get("block_id"),
            self.get("selected") or self.get("value"),
        )

    def values(self) -> Json:
        values = self.get("values") or {}
        if not isinstance(values, dict):
            raise ControlError("values has to be an object")
        return values
