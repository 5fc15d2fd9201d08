"""Who gets in, as whom, and for how long; and forms of other pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from engine.actor import Role
from engine.roles import FixedRoles
from engine.secrets import generate_key
from engine.sessions import AT_MOST, IDLE, LINK_LASTS
from tests.unit.api.web.visiting import MASTER, Browser, Place, place

if TYPE_CHECKING:
    from pathlib import Path


def cookie(at: object) -> str:
    headers = getattr(at, "headers", {})
    return str(headers.get("set-cookie", ""))


async def test_without_a_session_every_page_says_how_to_get_one(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = there.browser()
        for where in ("/", "/runs", "/runs/r1", "/runs/r1/live", "/live", "/commands", "/c/list"):
            page = await browser.opens(where)
            assert browser.status == 401
            assert "You are not signed in" in page.text
            assert "/luthien web" in page.text
            assert "Instances" not in page.links


async def test_a_preview_does_not_use_a_link_up_and_a_second_use_is_refused(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as there:
        link = await there.link("ben")
        for _ in range(3):
            page = await there.browser().opens(link)
            assert page.form("Sign in as ben")
        browser = there.browser()
        await browser.opens(link)
        page = await browser.presses("Sign in as ben")
        assert browser.path == "/"
        assert "ben deployer" in page.text

        other = there.browser()
        page = await other.opens(link)
        assert other.status == 409
        assert "was used already" in page.text
        assert (await other.opens("/")).text.startswith("You are not signed in")


async def test_a_browser_stays_in_while_replicas_exchange_the_master_key_one_by_one(
    tmp_path: Path,
) -> None:
    new = generate_key()
    both = ((MASTER, new), (new, MASTER), (MASTER, new), (new, MASTER))
    async with place(tmp_path) as there:
        browser = await there.visited_by("ben")
        for keys in ((MASTER,), *both[:1], (MASTER,), *both, (new,)):
            browser = there.browser(*keys, after=browser)
            page = await browser.opens("/")
            assert "ben deployer" in page.text, keys
        assert browser.status == 200
        stranger = there.browser(generate_key(), after=browser)
        assert "You are not signed in" in (await stranger.opens("/")).text


async def test_a_form_of_the_earlier_key_is_taken_until_that_is_gone(tmp_path: Path) -> None:
    new = generate_key()
    async with place(tmp_path) as there:
        old = await there.visited_by("ben")
        await old.opens("/c/help")
        for keys, status in (((new, MASTER), 200), ((MASTER, new), 200), ((new,), 403)):
            later = there.browser(*keys, after=old)
            later.answer = old.answer
            if keys == (new,):  # with a cookie that it knows
                later = there.browser(*keys, after=await _renewed(there, old, new))
                later.answer = old.answer
            await later.presses("Run", line="help")
            assert later.status == status, keys


async def _renewed(there: Place, old: Browser, new: str) -> Browser:
    browser = there.browser(new, MASTER, after=old)
    await browser.opens("/")
    return browser


async def test_a_link_expires(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        link, browser = await there.link("ben"), there.browser()
        await browser.opens(link)
        await there.clock.sleep(LINK_LASTS)
        page = await browser.presses("Sign in as ben")
        assert "This link has expired" in page.text
        assert browser.status == 409


async def test_somebody_who_is_signed_in_does_not_become_another(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        link, browser = await there.link("ada"), await there.visited_by("cleo")
        page = await browser.opens(link)
        assert "This link is for ada, and you are signed in as cleo" in page.text
        assert "Sign in as ada" not in page.buttons
        own = there.browser()
        await own.opens(link)
        assert "ada admin" in (await own.presses("Sign in as ada")).text, "it is not used up"


async def test_a_link_that_is_posted_is_looked_at_as_one_that_is_opened(tmp_path: Path) -> None:
    """By a form of another page, say: nobody becomes somebody else, or somebody at all."""
    async with place(tmp_path) as there:
        link, cleo = await there.link("ada"), await there.visited_by("cleo")
        own = {"token": cleo.page.form("Run").fields["token"]}
        answer = await cleo.http.post(link, data=own)
        assert answer.status_code == 409
        assert "you are signed in as cleo" in answer.text
        assert "cleo viewer" in (await cleo.opens("/")).text

        stranger = there.browser()
        await stranger.opens(link)
        for fields in ({}, {"token": "made.up"}, own):
            answer = await stranger.http.post(link, data=fields)
            assert answer.status_code == 403
            assert "was not given to this browser" in answer.text
        await stranger.opens("/")
        assert stranger.status == 401
        await stranger.opens(link)
        assert "ada admin" in (await stranger.presses("Sign in as ada")).text, "not used up"


async def test_nothing_that_a_browser_brings_along_survives_signing_in(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        planted = await there.visited_by("ben")
        brought = planted.http.cookies["luthien"]
        await planted.opens("/")
        await planted.presses("Sign out")

        victim = there.browser()
        victim.http.cookies.set("luthien", brought, domain="ops.test")
        await victim.opens(await there.link("ada"))
        await victim.presses("Sign in as ada")
        assert victim.http.cookies["luthien"] != brought
        attacker = there.browser()
        attacker.http.cookies.set("luthien", brought, domain="ops.test")
        await attacker.opens("/")
        assert attacker.status == 401


async def test_signing_in_again_ends_the_session_before(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = await there.visited_by("ben")
        before = browser.http.cookies["luthien"]
        await browser.opens(await there.link("ben"))
        await browser.presses("Sign in as ben")
        old = there.browser()
        old.http.cookies.set("luthien", before, domain="ops.test")
        await old.opens("/")
        assert old.status == 401


async def test_signing_out_ends_the_session_also_for_a_copied_cookie(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = await there.visited_by("ben")
        copied = browser.http.cookies["luthien"]
        page = await browser.presses("Sign out")
        assert "You are signed out" in page.text
        thief = there.browser()
        thief.http.cookies.set("luthien", copied, domain="ops.test")
        await thief.opens("/")
        assert thief.status == 401


async def test_a_session_ends_when_nobody_uses_it(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = await there.visited_by("ben")
        await there.clock.sleep(IDLE)
        await browser.opens("/")
        assert browser.status == 401


async def test_a_session_ends_after_a_week_however_busy_it_is(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = await there.visited_by("ben")
        began = there.clock.now()
        while there.clock.now() - began + IDLE / 2 < AT_MOST:
            await there.clock.sleep(IDLE / 2)
            await browser.opens("/")
            assert browser.status == 200
        await there.clock.sleep(IDLE / 2)
        await browser.opens("/")
        assert browser.status == 401


@pytest.mark.parametrize("tampering", ["", "nonsense", "eyJ4IjoxfQ==.aaa.bbb"])
async def test_a_made_up_cookie_is_nobody(tmp_path: Path, tampering: str) -> None:
    async with place(tmp_path) as there:
        browser = there.browser()
        browser.http.cookies.set("luthien", tampering, domain="ops.test")
        await browser.opens("/")
        assert browser.status == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = there.browser()
        await browser.opens(await there.link("ben"))
        answer = browser.answer
    assert answer is not None
    assert re.search(r"^luthien=.*httponly; samesite=lax$", answer.headers["set-cookie"])
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "<script>" not in answer.text
    assert "style=" not in answer.text


async def test_over_https_the_cookie_stays_there(tmp_path: Path) -> None:
    async with place(tmp_path, secure=True) as there:
        browser = there.browser()
        await browser.opens(await there.link("ben"))
        answer = browser.answer
    assert answer is not None
    assert answer.headers["set-cookie"].startswith("__Host-luthien=")
    assert answer.headers["set-cookie"].endswith("; secure")
    assert "max-age" in answer.headers["Strict-Transport-Security"]


# ── forms of other pages ──────────────────────────────────────────────────────────────────────


async def _runs(there: Place) -> int:
    return len(await there.plane.list_runs())


@pytest.mark.parametrize("token", ["", "made.up", "of another"])
async def test_a_form_without_this_browsers_token_does_nothing(tmp_path: Path, token: str) -> None:
    async with place(tmp_path) as there:
        browser, other = await there.visited_by("ben"), await there.visited_by("ben")
        if token == "of another":
            token = other.page.form("Run").fields["token"]
        for where in ("/do", "/c/create", "/sign-out"):
            fields = {"token": token, "line": "create acme", "instance": "acme"}
            answer = await browser.http.post(where, data=fields)
            assert answer.status_code == 403
            assert "was not given to this browser" in answer.text
        assert await _runs(there) == 0
        assert "ben deployer" in (await browser.opens("/")).text


async def test_a_browser_that_says_it_comes_from_elsewhere_is_believed(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = await there.visited_by("ben")
        fields = {**browser.page.form("Run").fields, "line": "create acme"}
        for site in ("cross-site", "same-site", "none"):
            answer = await browser.http.post("/do", data=fields, headers={"Sec-Fetch-Site": site})
            assert answer.status_code == 403
        assert await _runs(there) == 0
        page = await browser.opens("/c/doctor", **{"Sec-Fetch-Site": "cross-site"})
        assert page.form("Show"), "a link elsewhere asks nothing by itself"


async def test_a_token_from_before_signing_in_is_old(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = there.browser()
        page = await browser.opens(await there.link("ben"))
        before = page.form("Sign in as ben").fields["token"]
        await browser.presses("Sign in as ben")
        answer = await browser.http.post("/do", data={"token": before, "line": "create acme"})
        assert answer.status_code == 403


async def test_the_role_is_what_it_is_at_each_request(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = await there.visited_by("ben")
        assert "create" in (await browser.opens("/commands")).links
        there.plane.people.fixed = FixedRoles(frozenset({"slack:U0ADA"}), frozenset())
        page = await browser.opens("/commands")
        assert "create" not in page.links
        assert "ben viewer" in page.text
        page = await browser.types("create acme")
        assert browser.status == 403
        assert f"needs the role {Role.DEPLOYER.label}" in page.text
        there.plane.people.fixed = FixedRoles(frozenset({"slack:U0ADA"}), default=None)
        page = await browser.opens("/")
        assert browser.status == 403
        assert "You are not known here" in page.text
