"""users.*, usergroups.*: who is who."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack import directory
from sandbox.slack.api.method import Call, method, page_of
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier

if TYPE_CHECKING:
    from sandbox.slack.records import Json, Person


def _shown(call: Call, person: Person) -> Json:
    return directory.person(person, email=call.holds("users:read.email"))


@method(
    "users.info",
    tier=Tier.FOUR,
    scopes=["users:read"],
    required=["user"],
    errors="user_not_found",
    json_body=False,
)
def users_info(call: Call) -> Json:
    person = call.world.state.people.get(call.text("user"))
    if person is None:
        raise SlackError("user_not_found")
    return {"user": _shown(call, person)}


@method("users.list", tier=Tier.TWO, scopes=["users:read"], json_body=False)
def users_list(call: Call) -> Json:
    people = list(call.world.state.people.values())
    shown, following = page_of(call, people, 200)
    return {
        "members": [_shown(call, person) for person in shown],
        "cache_ts": int(times.now()),
        "response_metadata": following,
    }


@method(
    "users.lookupByEmail",
    tier=Tier.THREE,
    scopes=["users:read.email"],
    required=["email"],
    errors="users_not_found",
    json_body=False,
)
def users_lookup_by_email(call: Call) -> Json:
    wanted = call.text("email").lower()
    for person in call.world.state.people.values():
        if person.email and person.email.lower() == wanted:
            return {"user": _shown(call, person)}
    raise SlackError("users_not_found")


@method("usergroups.list", tier=Tier.TWO, scopes=["usergroups:read"], json_body=False)
def usergroups_list(call: Call) -> Json:
    users, count = call.flag("include_users"), call.flag("include_count")
    groups = call.world.state.groups.values()
    return {"usergroups": [directory.group(g, users=users, count=count) for g in groups]}


@method(
    "usergroups.users.list",
    tier=Tier.TWO,
    scopes=["usergroups:read"],
    required=["usergroup"],
    errors="no_such_subteam",
    json_body=False,
)
def usergroups_users_list(call: Call) -> Json:
    group = call.world.state.groups.get(call.text("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": group.members}
