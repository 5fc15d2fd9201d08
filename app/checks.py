"""What `doctor` looks at here: settings, database, Railway, the gateway's repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.data import DataFolder, key_place, seal_keys
from engine.clock import SystemClock
from engine.errors import NotConfigured, OpsError
from engine.store.database import open_database
from engine.store.keyring import StoredKeyring
from engine.words import plural
from engine.world import Finding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from app.reading import Reading
    from app.settings import Settings
    from engine.blueprint import Blueprint
    from engine.capabilities import RepositoryAccess
    from engine.keyring import Census
    from engine.policy_file import StandingPolicy
    from engine.world import Check
    from providers.railway.provider import RailwayProvider


def settings(reading: Reading) -> Check:
    """Each fault is a finding of its own; what only the bot needs counts too."""

    async def check() -> Sequence[Finding]:
        faults = reading.faults + reading.missing(serving=True)
        findings = [
            Finding(
                f"Setting {f.setting}",
                ok=False,
                detail=f.wrong,
                fix=f.how,
                page=NotConfigured.code,
            )
            for f in faults
        ]
        if not reading.settings.luthien_admins:
            findings.append(
                Finding(
                    "Setting LUTHIEN_ADMINS",
                    ok=False,
                    detail="is not set, so nobody in Slack is admin",
                    fix="Ask the bot to create something: its refusal shows your id and the line.",
                )
            )
        return findings or [Finding("Settings", ok=True, detail="complete")]

    return check


def database(url: str) -> Check:
    """Opens it anew: `doctor` also works where nothing else does."""

    async def check() -> Sequence[Finding]:
        name = "Database"
        try:
            used = open_database(url)
            try:
                await used.check()
            finally:
                await used.close()
        except OpsError as error:
            return [_not_ok(name, error)]
        kind = "embedded SQLite" if used.embedded else used.url.get_backend_name()
        return [Finding(name, ok=True, detail=kind)]

    return check


def master_key(used: Settings) -> Check:
    """What hangs on it, and what losing it means, before it happens."""
    name = "Master key"

    async def check() -> Sequence[Finding]:
        place = key_place(used)
        where = place.where if place else "LUTHIEN_MASTER_KEY"
        if used.luthien_master_key is None and not DataFolder(used.luthien_data_dir).has_key:
            return [Finding(name, ok=True, detail=f"made by the first start, in {where}")]
        try:
            opened = open_database(used.database, keys := seal_keys(used))
            try:
                census = await StoredKeyring(opened, keys, place, SystemClock()).census()
            finally:
                await opened.close()
        except Exception:  # noqa: BLE001 (the database has a finding of its own)
            return [Finding(name, ok=True, detail=f"in {where}; keep a copy of it")]
        if census.lost:
            lost = f"{plural(census.lost, 'value')} of the database cannot be opened any more"
            fix = (
                f"Add the key that is missing behind the present one: {where}=<present>,<missing>"
            )
            return [Finding(name, ok=False, detail=lost, fix=fix)]
        detail = f"in {where}; keep a copy apart from the backups: with it {_hanging(census)} go"
        if census.earlier and census.idle and not census.ours:
            detail += "; the earlier ones are not needed any more"
        return [Finding(name, ok=True, detail=detail)]

    return check


def _hanging(census: Census) -> str:
    return f"{plural(census.values, 'sealed value')} and {plural(census.api_keys, 'API key')}"


def policy(found: StandingPolicy | NotConfigured) -> Check:
    """Whether the newest content of its file is in force."""

    async def check() -> Sequence[Finding]:
        if isinstance(found, OpsError):
            return [_not_ok("Policy", found)]
        found.look()
        if found.broken:
            fix = (
                "Mend the file; its last good content is in force until then (`policy` shows it)."
            )
            return [Finding("Policy", ok=False, detail=str(found.broken), fix=fix)]
        return [Finding("Policy", ok=True, detail=found.loaded.name)]

    return check


def railway(provider: RailwayProvider) -> Check:
    async def token() -> str:
        described = await provider.describe_token()
        if described.token.is_project:
            raise described.token.refusal("list or create projects")
        return described.line

    async def check() -> Sequence[Finding]:
        return [
            await _found("Railway token", token),
            await _found("Railway workspace", provider.resolve_workspace),
        ]

    return check


def repositories(provider: RailwayProvider, plans: Mapping[str, Blueprint]) -> Check:
    """Whether the host can build what the blueprints name."""

    async def check() -> Sequence[Finding]:
        names = dict.fromkeys(s.repo for plan in plans.values() for s in plan.services)
        return [await one(repo) for repo in names]

    async def one(repo: str) -> Finding:
        name = f"Repository {repo}"
        try:
            access = await provider.repository_access(repo)
        except OpsError as error:
            return _not_ok(name, error)
        ok = access.readable or access.public
        return Finding(name, ok=ok, detail=_access(access), fix=access.how)

    return check


def _access(access: RepositoryAccess) -> str:
    if access.readable:
        return "Railway can read it"
    return "public" if access.public else "Railway cannot read it"


async def _found(name: str, ask: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(name, ok=True, detail=await ask())
    except OpsError as error:
        return _not_ok(name, error)


def _not_ok(name: str, error: OpsError) -> Finding:
    detail = f"{error.summary} {error.why}".strip()
    itself = error.next_step in ("", "/luthien doctor")
    fix = error.who if itself else error.next_step
    return Finding(name, ok=False, detail=detail, fix=fix, page=error.code)
