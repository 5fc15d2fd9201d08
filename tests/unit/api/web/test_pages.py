"""What the page shows and offers, and what happens when it is taken."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from engine.run import EventKind, RunStatus
from tests.unit.api.web.visiting import Page, Place, place
from tests.unit.commands.worlds import PEOPLE

if TYPE_CHECKING:
    from pathlib import Path


async def over(there: Place) -> None:
    """The newest run has ended."""
    [run, *_] = await there.plane.list_runs()
    async for event in there.plane.follow(run.id):
        if event.kind == EventKind.ENDED:
            return


async def test_what_one_may_not_do_is_not_offered_and_refused_anyway(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        cleo, ben, ada = [await there.visited_by(name) for name in ("cleo", "ben", "ada")]

        assert "Create an instance" in (await ben.opens("/")).links
        assert "Create an instance" not in (await cleo.opens("/")).links
        assert "Audit" not in ben.page.links
        assert "Audit" in (await ada.opens("/")).links
        for browser, more in ((ben, True), (cleo, False)):
            page = await browser.opens("/instances/acme")
            offered = {*page.links, *page.buttons}
            assert "Logs" in offered
            assert (
                {"Redeploy", "Restart", "Delete …"} <= offered
                if more
                else not ({"Redeploy", "Restart", "Delete …"} & offered)
            )
        for line in ("create beta", "delete acme", "audit", "restart acme"):
            page = await cleo.types(line)
            assert cleo.status == 403, line
            assert "needs the role" in page.text
        for where in ("/c/create", "/c/delete?instance=acme", "/c/audit"):
            page = await cleo.opens(where)
            assert cleo.status == 403, where
        fields = cleo.page.form("Run").fields | {"instance": "beta"}
        assert (await cleo.http.post("/c/create", data=fields)).status_code == 403
        assert len(await there.plane.list_runs()) == 1


async def test_an_instance_is_made_from_its_form_and_its_keys_are_shown(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        ben = await there.visited_by("ben")
        page = await ben.opens("/c/create")
        assert {"instance", "repo", "branch", "keep"} <= page.names
        page = await ben.presses("Run it", instance="My App")
        assert ben.status == 400
        assert "only lowercase letters, digits and hyphens" in page.text
        assert page.form("Run it").fields["instance"] == "My App"

        page = await ben.presses("Run it", instance="acme")
        assert re.fullmatch(r"/runs/r\w+", ben.path)
        assert "Create instance acme" in page.text
        await over(there)
        page = await ben.opens(ben.path)
        assert "succeeded" in page.text
        assert "12 of 12 steps" in page.text or "steps" in page.text
        page = await ben.opens(page.links["Show credentials"])
        assert "sk-luthien-" in page.text
        assert ben.answer is not None
        assert ben.answer.headers["Cache-Control"] == "no-store"
        cleo = await there.visited_by("cleo")
        assert "Show credentials" not in (await cleo.opens("/runs/acme")).links
        assert "sk-luthien-" not in (await cleo.opens("/c/credentials?instance=acme")).html


async def test_the_same_form_sent_twice_starts_one_run(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        ben = await there.visited_by("ben")
        form = (await ben.opens("/c/create")).form("Run it")
        answers = [
            await ben.http.post("/c/create", data=form.fields | {"instance": "acme"})
            for _ in range(2)
        ]
        assert len({str(answer.url.path) for answer in answers}) == 1
        assert len(await there.plane.list_runs()) == 1
        first, again = (Page(answer.text) for answer in answers)
        assert "You sent this form before" not in first.text
        assert "You sent this form before. It started this run then" in again.text
        assert again.links["Open the form anew"] == "/c/create?form"
        await over(there)


async def test_a_form_sent_again_with_other_words_is_another_wish(tmp_path: Path) -> None:
    """The way back in the browser brings a form that was sent."""
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        form = (await ben.opens("/c/delete")).form("Run it")
        pages = [
            Page((await ben.http.post("/c/delete", data=form.fields | words)).text)
            for words in ({"instance": "acme"}, {"instance": "nothing"})
        ]
        assert "This is what would be lost" in pages[0].text
        assert "There is no instance `nothing`" in pages[1].text


async def test_a_form_that_started_nothing_says_so_to_a_person(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        form = (await ben.opens("/c/restart")).form("Run it")
        fields = form.fields | {"instance": "nothing"}
        first = await ben.http.post("/c/restart", data=fields)
        assert first.status_code == 404
        again = await ben.http.post("/c/restart", data=fields)
        assert again.status_code == 409
        page = Page(again.text)
        assert "You sent this form before" in page.text
        assert "Idempotency" not in again.text
        assert page.links["Open the form anew"] == "/c/restart?instance=nothing"
        assert page.links["What was done to nothing"] == "/runs?instance=nothing"
        await ben.opens(page.links["Open the form anew"])
        assert ben.page.form("Run it").fields["instance"] == "nothing"
        assert ben.page.form("Run it").fields["nonce"] != fields["nonce"]


async def test_what_a_page_does_not_take_is_said_as_it_is(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        ben = await there.visited_by("ben")
        answer = await ben.http.put("/c/create")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
        page = Page(answer.text)
        assert "PUT is not allowed for /c/create; it takes GET, HEAD or POST" in page.text
        assert "no such page" not in page.text
        assert "There is no such page" in (await ben.opens("/nowhere")).text


async def test_only_the_plan_changes_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        ben = await there.visited_by("ben")
        await ben.opens("/c/create")
        page = await ben.presses("Only show the plan", instance="acme", plan="on")
        assert "Create instance acme" in page.text
        assert (await ben.types("create beta --plan")).text
        assert ben.status == 200
        assert await there.plane.list_runs() == []
        assert there.host.writes == []


async def test_a_deletion_asks_first_and_can_be_taken_back(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        await ben.opens("/instances/acme")
        page = await ben.presses("Delete …")
        assert "This is what would be lost" in page.text
        assert len(await there.plane.list_runs()) == 1
        assert "<dialog" in page.html
        page = await ben.presses("Delete it")
        assert "Delete instance acme" in page.text
        await over(there)
        page = await ben.opens("/instances/acme")
        assert "Delete …" not in page.buttons
        assert page.html.index("Keep acme") < page.html.index("Credentials")
        assert page.html.count("Keep acme") == 1, "offered once"
        assert page.html.count(">Logs<") == 1
        page = await ben.opens("/scheduled")
        assert "acme" in page.links
        assert "in 7 d" in page.text or "in 6 d" in page.text
        await ben.presses("Keep acme")
        await over(there)
        assert "Nothing is going to be deleted" in (await ben.opens("/scheduled")).text


async def test_a_run_that_is_not_there_an_instance_that_is_not_a_page_that_is_not(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as there:
        ben = await there.visited_by("ben")
        for where, words in (
            ("/runs/nobody", "There is no run `nobody`"),
            ("/instances/nobody", "There is no instance"),
            ("/nowhere", "There is no such page"),
            ("/c/creat", "There is no command"),
        ):
            page = await ben.opens(where)
            assert ben.status == 404, where
            assert words.replace("`", "") in page.text
            assert "ben deployer" in page.text, "one is still signed in"
        page = await ben.types('create "acme')
        assert ben.status == 400
        page = await ben.types("creat acme")
        assert "Did you mean create" in page.text


async def test_what_people_wrote_is_never_markup(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        ben = await there.visited_by("ben")
        evil = "<script>alert(1)</script>"
        for where in (
            f"/instances/{evil}",
            f"/runs?instance={evil}",
            f"/?words={evil}",
            f"/c/create?instance={evil}",
            f"/c/{evil}",
            f"/runs/{evil}",
        ):
            page = await ben.opens(where)
            assert "<script>alert" not in page.html, where
        page = await ben.types(f"status '{evil}'")
        assert "<script>alert" not in page.html


async def test_what_is_missing_is_asked_for_and_a_question_gets_an_address(
    tmp_path: Path,
) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        page = await ben.types("create --branch v2")
        assert ben.path == "/c/create?branch=v2"
        assert page.form("Run it").fields["branch"] == "v2"
        await ben.types("/luthien status acme")
        assert ben.path == "/instances/acme"
        await ben.types("run acme")
        assert re.fullmatch(r"/runs/r\w+", ben.path)
        await ben.types("logs acme --since 10m")
        assert ben.path == "/c/logs?instance=acme&since=10m"
        assert ben.status == 200


async def test_runs_are_narrowed_and_paged(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        [run] = await there.plane.list_runs()
        assert run.id in (await ben.opens("/runs?instance=acme&state=succeeded")).links
        assert run.id not in (await ben.opens("/runs?state=failed")).links
        await ben.opens("/runs?state=happy")
        assert ben.status == 400
        assert run.status == RunStatus.SUCCEEDED


async def test_a_run_is_drawn_anew_until_it_is_over(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        ben = await there.visited_by("ben")
        await ben.types("create acme")
        where = f"{ben.path}/live"
        drawn, last = 0, ""
        async with ben.http.stream("GET", where) as following:
            assert following.headers["Content-Type"].startswith("text/event-stream")
            async for line in following.aiter_lines():
                drawn += line == "event: drawn"
                last = line.removeprefix("event: ") if line.startswith("event:") else last
                if "succeeded" in line:
                    break
                if last == "over":
                    break
        assert drawn >= 1


async def test_what_a_command_asks_by_itself_is_drawn_and_only_changes_are_sent(
    tmp_path: Path,
) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        page = await ben.types("config acme set")
        assert "in.LOG_LEVEL" in page.names
        assert "in.ANTHROPIC_API_KEY" in page.names
        assert "was.ANTHROPIC_API_KEY" not in page.names, "secrets are never filled in"
        secret = "sk-upstream-of-test"
        await ben.presses("Run it", **{"in.LOG_LEVEL": "debug", "in.ANTHROPIC_API_KEY": secret})
        assert ben.path.startswith("/runs/"), ben.page.text
        await over(there)
        [run, *_] = await there.plane.list_runs()
        assert run.status == RunStatus.SUCCEEDED
        [held] = there.host.held.values()
        variables = there.host.service(held.space.id, "gateway").variables
        assert variables["LOG_LEVEL"] == "debug"
        assert variables["ANTHROPIC_API_KEY"] == secret
        assert secret not in (await ben.opens(ben.path)).html
        assert secret not in (await ben.opens("/c/config?instance=acme")).html


async def test_a_question_that_acts_is_posted(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        page = await ben.opens("/c/credentials?instance=acme&forget=on")
        assert page.form("Run it").method == "post"
        assert "sk-luthien-" in (await ben.opens("/c/credentials?instance=acme")).text
        await ben.presses("Forget them")
        assert ben.status == 200
        page = await ben.opens("/c/credentials?instance=acme")
        assert ben.status == 403
        assert "sk-luthien-" not in page.html


async def test_a_log_goes_on_and_nothing_that_changes_can_be_asked_so(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        html = (await ben.opens("/c/logs?instance=acme&follow=6s")).html
        found = re.search(r'data-tail="([^"]+)"', html)
        assert found, html
        async with ben.http.stream("GET", unescape(found[1])) as following:
            said = [line async for line in following.aiter_lines() if line.startswith("event")]
        assert said[-1] == "event: over"
        async with ben.http.stream("GET", "/tail?line=restart+acme&every=0") as refused:
            assert [line async for line in refused.aiter_lines() if "event" in line] == []
        assert len(await there.plane.list_runs()) == 1


async def test_whether_it_may_wait_in_line_is_asked_and_heeded(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        await there.plane.locks.hold(PEOPLE["ada"], "instance:acme", "debugging the judge")
        ben = await there.visited_by("ben")
        before = len(await there.plane.list_runs())
        page = await ben.types("restart acme --no-wait")
        assert ben.status == 409
        assert "locked by ada: debugging the judge" in page.text
        page = await ben.types("restart --no-wait")
        assert ben.path == "/c/restart?no-wait=on"
        assert 'name="no-wait" value="on" checked' in page.html
        await ben.presses("Run it", instance="acme", **{"no-wait": "on"})
        assert ben.status == 409
        assert len(await there.plane.list_runs()) == before
        page = await ben.types("config acme set --no-wait")
        assert 'name="no-wait" value="on" checked' in page.html
        page = await ben.presses("Run it", **{"in.LOG_LEVEL": "debug", "no-wait": "on"})
        assert ben.status == 409
        page = await ben.opens("/c/restart?instance=acme")
        assert 'value="on" checked' not in page.html
        await ben.presses("Run it")
        [run, *_] = await there.plane.list_runs()
        assert run.status is RunStatus.WAITING
        for where in ("/c/create", "/c/list?form=on"):
            assert "no-wait" not in (await ben.opens(where)).names, "nobody waits for these"


async def test_a_shown_plan_goes_on_as_it_was_asked(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        ben = await there.visited_by("ben")
        page = await ben.types("restart acme --plan --no-wait")
        assert 'value="restart acme --no-wait"' in page.html
        page = await ben.types("delete acme --no-wait")
        assert re.search(r'value="delete acme --confirm \w+ --no-wait"', page.html)
        page = await ben.types("delete acme")
        assert "--no-wait" not in page.html


async def test_variables_are_completed(tmp_path: Path) -> None:
    async with place(tmp_path, launched=True) as there:
        await there.instance()
        [held] = there.host.held.values()
        there.host.service(held.space.id, "gateway").variables["MADE_UP"] = "1"
        ben = await there.visited_by("ben")
        page = await ben.types("config acme unset")
        assert '<option value="MADE_UP">' in page.html
        assert '<option value="LOG_LEVEL">' in page.html
        assert page.html.count('name="variables"') == 3, "room for more than one"
        assert 'list="field-variables-known"' in page.html
        page = await ben.presses("Only show the plan", variables="MADE_UP", plan="on")
        assert "- MADE_UP" in page.text
