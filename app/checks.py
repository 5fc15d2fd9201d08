"""What `doctor` looks at here: settings, database, Railway, the gateway's repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.data import DataFolder, key_place, missing_key, seal_keys
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
    from engine.secrets import SealKeys
    from engine.store.audit_head import Signature
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
        if reading.settings.railway_public_domain == "":
            findings.append(
                Finding(
                    "Setting RAILWAY_PUBLIC_DOMAIN",
                    ok=False,
                    detail="is no host name, so it is not used",
                    fix="Set LUTHIEN_PUBLIC_URL to the https address of the web page.",
                )
            )
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
            return [not_ok(name, error)]
        kind = "embedded SQLite" if used.embedded else used.url.get_backend_name()
        return [Finding(name, ok=True, detail=kind)]

    return check


def master_key(used: Settings) -> Check:
    """What hangs on it, and what losing it means, before it happens."""
    name = "Master key"

    async def check() -> Sequence[Finding]:
        place = key_place(used)
        where = place.where if place else "LUTHIEN_MASTER_KEY"
        if missing := missing_key(used):
            return [Finding(name, ok=False, detail=missing.wrong, fix=missing.how)]
        if used.luthien_master_key is None and not DataFolder(used.luthien_data_dir).has_key:
            return [Finding(name, ok=True, detail=f"made by the first start, in {where}")]
        try:
            opened = open_database(used.database, keys := seal_keys(used))
            try:
                found = await opened.signature()
                if found and found.foreign:
                    return [_other_key(name, where, keys, found)]
                census = await StoredKeyring(opened, keys, place, SystemClock()).census()
            finally:
                await opened.close()
        except Exception:  # noqa: BLE001 (the database has a finding of its own)
            return [Finding(name, ok=True, detail=f"in {where}; keep a copy of it")]
        # A database in which there is nothing may still be signed with a key of before.
        unsigned = found is None or (not found.signer and found.entries > 0)
        return [_hanging_on(name, where, census), *([_UNSIGNED] if unsigned else [])]

    return check


_UNSIGNED = Finding(
    "Audit",
    ok=False,
    detail="its end does not bear the signature of our key: somebody has changed the database",
    fix="luthien audit verify",
)


def _other_key(name: str, where: str, keys: SealKeys, found: Signature) -> Finding:
    return Finding(
        name,
        ok=False,
        detail=f"the one in {where} ({', '.join(keys.ids)}) is not the database's"
        f" ({found.key_id or 'unknown'}); nothing starts with it",
        fix="Put the database's key there, or behind the present one with a comma:"
        " <present>,<missing>. If it is lost: `luthien lost-key`.",
    )


def _hanging_on(name: str, where: str, census: Census) -> Finding:
    gone = [plural(census.lost, "sealed value")] if census.lost else []
    gone += [f"API key {key}" for key in census.lost_api_keys]
    if gone:
        detail = f"{', '.join(gone)}: of a key that is not here, and of no use without it"
        fix = (
            f"In {where}, add the missing key behind the present one (<present>,<missing>); or"
            " revoke those API keys and make new ones (values are forgotten with their runs)."
        )
        return Finding(name, ok=False, detail=detail, fix=fix)
    detail = f"in {where}; keep a copy apart from the backups: with it {_hanging(census)} go"
    if census.earlier and census.idle and not census.ours:
        detail += "; the earlier ones are not needed any more"
    return Finding(name, ok=True, detail=detail)


def _hanging(census: Census) -> str:
    return f"{plural(census.values, 'sealed value')} and {plural(census.api_keys, 'API key')}"


def policy(found: StandingPolicy | NotConfigured) -> Check:
    """Whether the newest content of its file is in force."""

    async def check() -> Sequence[Finding]:
        if isinstance(found, OpsError):
            return [not_ok("Policy", found)]
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
            return not_ok(name, error)
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
        return not_ok(name, error)


def not_ok(name: str, error: OpsError) -> Finding:
    detail = f"{error.summary} {error.why}".strip()
    itself = error.next_step in ("", "/luthien doctor")
    fix = error.who if itself else error.next_step
    return Finding(name, ok=False, detail=detail, fix=fix, page=error.code)
