"""Who asks over HTTP: the owner of the data folder by the server's token, or a program by its key.

A key stands for the person who made it: it may what its role says, but never more than that person
may at the moment of asking.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Protocol

from fastapi import Header, Request
from fastapi.security import HTTPBearer

from api.errors import Unauthorized
from engine.actor import Actor, Door, Role
from engine.errors import InvalidInput, NotAllowed
from engine.subject import also

if TYPE_CHECKING:
    from engine.keys import ApiKeys
    from engine.throttle import Throttle

bearer = HTTPBearer(
    auto_error=False,
    description="An API key (`/luthien apikey create <name>`), or the token in the server's"
    " `serve.json`.",
)
"""Says it in the specification; `Callers` looks."""

_USER = r"^[\w.@+-]{1,64}$"


class Knows(Protocol):
    """Finds out who somebody is, and what they may now."""

    async def __call__(self, key: str, name: str) -> Actor:
        """`key` as in `slack:U0ADA`; `name` is what they were called. Raises NotAllowed for
        somebody who may do nothing here (any more)."""


class Callers:
    """A FastAPI dependency: the actor of a request. Raises Unauthorized or TooManyRequests."""

    def __init__(self, token: str, keys: ApiKeys, knows: Knows, throttle: Throttle) -> None:
        self._token = token.encode()
        self._keys = keys
        self._knows = knows
        self._throttle = throttle

    async def __call__(
        self,
        request: Request,
        x_luthien_user: Annotated[
            str,
            Header(
                pattern=_USER,
                description="Which user of the server's machine asks.",
                examples=["ada"],
            ),
        ] = "owner",
    ) -> Actor:
        given = request.headers.get("Authorization", "")
        scheme, _, text = given.partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise _unauthorized("The API's key is missing.")
        if secrets.compare_digest(text.encode(), self._token):
            owner = Actor(door=Door.CLI, id=x_luthien_user, name=x_luthien_user, role=Role.ADMIN)
            also(actor=owner.key)
            return owner
        key = await self._keys.check(text)
        if key is None:
            raise _unauthorized("The API's key is wrong, has expired or was revoked.")
        also(actor=f"{Door.API}:{key.id}")
        await self._throttle.take_of_all(key.id)
        try:
            creator = await self._knows(key.creator, key.creator_name)
        except NotAllowed as refused:
            raise NotAllowed(
                f"The key {key.name} may do nothing any more.",
                why=f"{key.creator_name}, who made it, may do nothing here.",
                who=refused.who,
                next_step="/luthien apikey list",
            ) from None
        return Actor(
            door=Door.API,
            id=key.id,
            name=key.name,
            role=min(key.role, creator.role),
            behalf=key.creator,
        )


async def only_known(request: Request) -> None:
    """A FastAPI dependency. Raises InvalidInput for a parameter that the address does not have: a
    misspelt filter would else be no filter."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    if unknown := sorted(set(request.query_params) - known):
        raise InvalidInput(
            f"There is no parameter `{unknown[0]}`.",
            fields=dict.fromkeys(unknown, "is not a parameter"),
            why=f"The ones that there are: {', '.join(sorted(known)) or 'none'}.",
            who="Whoever wrote the request can correct it.",
        )


def _unauthorized(what: str) -> Unauthorized:
    return Unauthorized(
        what,
        why="Every call needs `Authorization: Bearer <key>`.",
        who="Whoever may deploy can make a key.",
        next_step="/luthien apikey create <name>",
    )
