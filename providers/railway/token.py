"""Railway's three kinds of token, told apart by what they may ask."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.capabilities import Access
from engine.errors import NotConfigured
from providers.railway.models import ApiToken, Me, ProjectToken, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from providers.railway.budget import Budget

T = TypeVar("T")

TOKENS_PAGE = "https://railway.com/account/tokens"


class TokenKind(StrEnum):
    ACCOUNT = "account"
    WORKSPACE = "workspace"
    PROJECT = "project"


@dataclass(frozen=True)
class WorkspaceRef:
    id: str
    name: str


@dataclass(frozen=True)
class Token:
    """What Railway says about the token that it was shown."""

    kind: TokenKind
    owner: str
    """A person's address, a workspace's name, or `project / environment`."""
    workspaces: tuple[WorkspaceRef, ...] = ()
    project_id: str = ""
    environment_id: str = ""

    @property
    def is_project(self) -> bool:
        return self.kind is TokenKind.PROJECT

    def workspace(self, wanted: str | None) -> WorkspaceRef:
        """The workspace to work in: the wanted one, else the only one.

        Raises NotConfigured with the line to set.
        """
        if self.is_project:
            raise self.refusal("list or create projects")
        listing = "; ".join(f"{w.name}: RAILWAY_WORKSPACE_ID={w.id}" for w in self.workspaces)
        if wanted:
            found = next((w for w in self.workspaces if w.id == wanted), None)
            if found is None:
                raise NotConfigured(
                    f"The Railway token has no access to the workspace {wanted}.",
                    why=f"It sees {listing or 'no workspace'}.",
                    who="Whoever runs this bot sets one of these lines, or none, and restarts it.",
                    next_step="/luthien doctor",
                )
            return found
        if len(self.workspaces) != 1:
            raise NotConfigured(
                f"The Railway token sees {len(self.workspaces) or 'no'} workspaces.",
                why=f"One has to be chosen. {listing}".strip(),
                who="Whoever runs this bot sets one of these lines and restarts it."
                if self.workspaces
                else f"Whoever runs this bot makes a token with access to one: {TOKENS_PAGE}",
                next_step="/luthien doctor",
            )
        return self.workspaces[0]

    def refusal(self, what: str) -> NotConfigured:
        """What a project token cannot do."""
        return NotConfigured(
            f"The Railway token is a project token and cannot {what}.",
            why=f"It belongs to {self.owner} alone.",
            who="Whoever runs this bot sets RAILWAY_API_TOKEN to an account or workspace token:"
            f" {TOKENS_PAGE}",
            next_step="/luthien doctor",
        )


@dataclass(frozen=True)
class TokenDescription:
    """For `doctor` and `whoami`."""

    token: Token
    remaining: int | None
    """Requests left this hour; None when Railway does not tell."""
    limit: int | None

    @property
    def line(self) -> str:
        token = self.token
        names = ", ".join(w.name for w in token.workspaces) or "no workspace"
        text = {
            TokenKind.ACCOUNT: f"account token of {token.owner} ({names})",
            TokenKind.WORKSPACE: f"workspace token of {names}",
            TokenKind.PROJECT: f"project token of {token.owner}: cannot list or create projects",
        }[token.kind]
        if self.remaining is None:
            return text
        of = f" of {self.limit:,}" if self.limit is not None else ""
        return f"{text}; {self.remaining:,}{of} requests left this hour"


RIGHTS: Mapping[TokenKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    TokenKind.ACCOUNT: (("create, change and delete projects in these workspaces",), ()),
    TokenKind.WORKSPACE: (
        ("create, change and delete projects in this workspace",),
        ("see who the person behind it is",),
    ),
    TokenKind.PROJECT: (
        ("change services, variables and deployments of this one environment",),
        ("list or create projects", "connect a repository"),
    ),
}
"""What each kind of token may do, and what it may not. Source: Railway docs, integrations/api."""


def access(token: Token, budget: Budget) -> Access:
    """In our words, for `whoami`."""
    rights, limits = RIGHTS[token.kind]
    places = tuple(w.name for w in token.workspaces)
    return Access(
        kind=f"{token.kind} token",
        owner=token.owner,
        places=places or ((token.owner,) if token.is_project else ()),
        rights=rights,
        limits=limits,
        remaining=budget.remaining,
        limit=budget.limit,
        resets_at=budget.resets_at,
    )


def described(token: Token, budget: Budget) -> TokenDescription:
    return TokenDescription(token, budget.remaining, budget.limit)


class Probe(Protocol):
    """Asks as the one or the other kind; None when Railway does not accept the token for it."""

    async def __call__(self, name: str, shape: type[T], *, as_project: bool) -> T | None: ...


async def identify(ask: Probe) -> Token:
    """At most three questions: `me` is for account tokens alone, `apiToken` for both that are sent
    as bearer, `projectToken` for the third kind.

    Raises NotConfigured for a token that Railway does not know.
    Source: Railway docs, integrations/api; railwayapp/cli issues 845 and 618.
    """
    me = await ask("me", Me, as_project=False)
    if me is not None:
        return Token(TokenKind.ACCOUNT, me.email or me.name or "?", _refs(me.workspaces))
    api_token = await ask("apiToken", ApiToken, as_project=False)
    if api_token is not None:
        names = ", ".join(w.name for w in api_token.workspaces) or "no workspace"
        return Token(TokenKind.WORKSPACE, names, _refs(api_token.workspaces))
    project = await ask("projectToken", ProjectToken, as_project=True)
    if project is not None:
        return Token(
            TokenKind.PROJECT,
            f"{project.project.name} / {project.environment.name}",
            project_id=project.project_id,
            environment_id=project.environment_id,
        )
    raise NotConfigured(
        "Railway does not accept the token.",
        why="It is neither an account, nor a workspace, nor a project token that Railway knows.",
        who=f"Whoever runs this bot makes a new one at {TOKENS_PAGE} and sets RAILWAY_API_TOKEN.",
        next_step="/luthien doctor",
    )


def _refs(workspaces: list[Workspace]) -> tuple[WorkspaceRef, ...]:
    return tuple(WorkspaceRef(w.id, w.name) for w in workspaces)
