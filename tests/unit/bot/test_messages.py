"""Every message as Slack gets it: golden files, and Slack's own rules for blocks.

The files were written by this test, run with `UPDATE_GOLDEN=1`, and read by a person.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import commands
from bot import approvals, forms, home, live, messages, refusals, results, runs
from bot.blocks import NEWER, PLAIN, Kinds, Message, Render
from bot.grammar import Wish
from bot.log_lines import LogLine, log_line, log_message
from bot.notices import drawn
from commands.digest_content import State, written
from commands.instance_state import InstanceStatus
from commands.instances import Instance
from commands.marks import Mark
from engine import errors
from engine.actions import actions
from engine.actor import Actor, Door, Role
from engine.answer import Answer, Chart, Code, Fact, Facts, Offer, Offers, Secrets, Series, Table
from engine.approval import ApprovalStatus, Vote
from engine.blueprint import load_all
from engine.capabilities import Space
from engine.command import Risk
from engine.control_plane import AuditEntry
from engine.errors import OpsError
from engine.mentions import mention
from engine.notices import Notice
from engine.policy import Policy
from engine.registry import discover
from engine.rights import Rights
from engine.run import Event, EventKind, InLine, RunStatus, RunView, StepStatus, Trouble
from engine.situation import Situation
from sandbox.slack.blockkit import Surface, check_blocks
from tests.unit.bot.fakes import (
    ADA,
    COMMANDS,
    LISTED,
    MADE,
    REGISTRY,
    START,
    TROUBLE,
    Create,
    Credentials,
    Help,
    Status,
    a_run,
    an_approval,
    decided,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.command import Command

GOLDEN = Path(__file__).parent / "golden"
LATER = START + timedelta(seconds=72)
LUTHIEN = load_all(Path(__file__).resolve().parents[3] / "blueprints")["luthien"]
CLI = Actor(door=Door.CLI, id="root", name="root", role=Role.ADMIN)


def at_work(**fields: Any) -> RunView:
    """Half-way through: some steps done, one building, the rest waiting."""
    view = a_run(started_at=START, status=RunStatus.RUNNING)
    states = (
        (StepStatus.DONE, 2, ""),
        (StepStatus.DONE, 9, ""),
        (StepStatus.RUNNING, 0, ""),
        (StepStatus.RUNNING, 0, "BUILDING"),
        (StepStatus.WAITING, 0, ""),
    )
    steps = tuple(
        step.model_copy(
            update={
                "status": status,
                "note": note,
                "started_at": None if status is StepStatus.WAITING else START,
                "ended_at": START + timedelta(seconds=took) if took else None,
                "attempts": 2 if step.key == "redis" else 1,
            }
        )
        for step, (status, took, note) in zip(view.steps, states, strict=True)
    )
    return view.model_copy(update={"steps": steps, **fields})


def done(**fields: Any) -> RunView:
    steps = tuple(
        step.model_copy(update={"status": StepStatus.DONE, "started_at": START, "ended_at": LATER})
        for step in at_work().steps
    )
    return at_work(status=RunStatus.SUCCEEDED, ended_at=LATER, steps=steps).model_copy(
        update={"result": {"url": "https://gateway.example"}, **fields}
    )


BEHIND_A_RUN = InLine(
    lock="instance:acme",
    place=2,
    held_by=ADA,
    since=START,
    run_id="r-0",
    run_line="redeploy acme",
    run_status=RunStatus.RUNNING,
    expected_at=LATER,
)
BEHIND_AN_ERROR = BEHIND_A_RUN.model_copy(
    update={"run_status": RunStatus.ERRORED, "expected_at": None}
)
BEHIND_A_PERSON = InLine(
    lock="instance:acme", place=1, held_by=ADA, since=START, reason="debugging the judge"
)
FAILED = at_work(status=RunStatus.FAILED, ended_at=LATER, trouble=TROUBLE, created=MADE)
REJECTED = a_run(
    status=RunStatus.CANCELLED,
    ended_at=LATER,
    trouble=Trouble(
        step="",
        step_title="Approval",
        summary="It was rejected (it is used), so nothing was done.",
        next_step="/luthien delete acme --force",
    ),
    approval=decided(ApprovalStatus.REJECTED, "slack:U0ADA", "it is used"),
)
REFUSED_AT_ITS_TURN = a_run(
    status=RunStatus.FAILED,
    line="rollback acme d-1 --over d-2",
    title="rollback acme d-1 --over d-2",
    ended_at=LATER,
    trouble=Trouble(
        step="",
        step_title="Its turn came",
        summary="`acme` was deployed again since.",
        why="Its newest deployment was made 2 min ago.",
        next_step="/luthien rollback acme",
        refused=True,
    ),
)
ERRORED = at_work(
    status=RunStatus.ERRORED,
    ended_at=LATER,
    trouble=TROUBLE.model_copy(
        update={"phase": "", "log": (), "incident": "beef0001", "next_step": ""}
    ),
)


def lines(name: str, *, series: int = 2) -> Chart:
    return Chart(
        kind="line",
        title=name,
        unit="GB",
        along="day",
        categories=("Mon 1", "Tue 2", "Wed 3"),
        series=tuple(
            Series(name=f"service {n}", values=(0.25 * n, 0.3 * n, 1234.5)) for n in range(series)
        ),
    )


def said(answer: Answer, **how: str) -> Render:
    return messages.answer(answer, **how)


async def asked(question: Any) -> Answer:
    answer: Answer = await question.answer(None)
    return answer


def digest_of_a_day() -> Notice:
    """As the command writes it: one is ill, one is to be deleted, a run went wrong."""
    space = Space("p-1", "e-1", "luthien-acme", "ready", START)
    due = START + timedelta(days=3, hours=2)
    instances = (
        Instance("acme", space, Mark.ready(), LUTHIEN, InstanceStatus.RUNNING),
        Instance(
            "beta", space, Mark.ready(), LUTHIEN, InstanceStatus.UNHEALTHY, "Redis <missing>"
        ),
        Instance("old", space, Mark.scheduled(due), LUTHIEN, InstanceStatus.DELETION_SCHEDULED),
    )
    runs = (FAILED.model_copy(update={"line": "redeploy beta"}), done(line="create acme"))
    keep = (Offer(label="Keep old", line="cancel-delete old", style="primary"),)
    cost = {"acme": Decimal("3.1"), "beta": Decimal("0.42"), "old": Decimal(0)}
    did = (("create acme", "acme"), ("cancel-delete beta", "beta"), ("delete old", "old"))
    audit = tuple(
        AuditEntry(n, LATER, "slack:U0ADA", "run.succeeded", name, "", {"command": line})
        for n, (line, name) in enumerate(did)
    )
    state = State(LATER, instances, runs, audit, keep, cost)
    late = "It comes late: it was due on Sat 21 Nov 2026 07:00 UTC, while I was not at work."
    seen = {"acme": "provisioning", "beta": "running", "gone": "running"}
    text, parts, offers = written(
        state, "📋 *Digest* of Sat 21 Nov 2026, 09:00 (Europe/Helsinki)", late, START, seen
    )
    return Notice("digest:C0OPS:2026-11-21T09:00", text, offers, parts, "C0OPS")


CASES: dict[str, Render] = {
    "run-queued": runs.root(a_run(), START),
    "run-waiting": runs.root(a_run(status=RunStatus.WAITING, in_line=BEHIND_A_RUN), START),
    "run-waiting-for-a-person": runs.root(
        a_run(status=RunStatus.WAITING, in_line=BEHIND_A_PERSON), START
    ),
    "run-waiting-for-a-decision": runs.root(
        a_run(status=RunStatus.WAITING, in_line=BEHIND_AN_ERROR), START
    ),
    "run-under-way": runs.root(at_work(), LATER),
    "run-stopping": runs.root(at_work(status=RunStatus.CANCELLING), LATER),
    "run-removing": runs.root(at_work(removing=True, created=MADE), LATER),
    "run-succeeded": runs.root(done(), LATER),
    "run-failed": runs.root(FAILED, LATER),
    "run-errored": runs.root(ERRORED, LATER),
    "run-cancelled": runs.root(
        at_work(status=RunStatus.CANCELLED, ended_at=LATER, cancelled_by="ben", created=MADE),
        LATER,
    ),
    "run-rolled-back": runs.root(
        at_work(status=RunStatus.ROLLED_BACK, ended_at=LATER, created=MADE[:1]), LATER
    ),
    "run-from-the-command-line": runs.root(at_work(actor=CLI), LATER),
    "run-waiting-for-approval": runs.root(
        a_run(status=RunStatus.AWAITING_APPROVAL, approval=an_approval()), START
    ),
    "run-rejected": runs.root(REJECTED, LATER),
    "result-rejected": results.final(REJECTED),
    "approval-waiting": approvals.message(an_approval(), "https://chat.test/thread"),
    "approval-half-given": approvals.message(
        an_approval(
            votes=(Vote(by="slack:U0ADA", at=START),),
            consent=an_approval().consent.model_copy(update={"needed": 2}),
        )
    ),
    "approval-granted": approvals.message(
        decided(ApprovalStatus.GRANTED, "slack:U0ADA", votes=(Vote(by="slack:U0ADA", at=START),))
    ),
    "approval-rejected": approvals.message(
        decided(ApprovalStatus.REJECTED, "cli:root", "it is used <until> *Friday*")
    ),
    "approval-expired": approvals.message(decided(ApprovalStatus.EXPIRED)),
    "approval-superseded": approvals.message(
        decided(ApprovalStatus.SUPERSEDED, reason="There is no instance `acme`")
    ),
    "approval-withdrawn": approvals.message(decided(ApprovalStatus.WITHDRAWN, "slack:U0BEN")),
    "approval-of-a-long-plan": approvals.message(
        an_approval(
            changes=tuple(f"+ variable NAME_{n} of gateway" for n in range(200)),
            steps=tuple(f"Step {n} of many" for n in range(80)),
        )
    ),
    "result-succeeded": results.final(done()),
    "result-with-a-way-back": results.final(
        done(
            command="redeploy",
            line="redeploy acme",
            title="Redeploy acme",
            created=(),
            delivers=None,
            result={
                "url": "https://acme.up.railway.app",
                "summary": "7be41f0 (Judge <policy>) goes out over 0c0da23",
            },
            undo="rollback acme d-1 --over d-2",
        )
    ),
    "result-failed-with-a-way-back": results.final(
        FAILED.model_copy(
            update={
                "created": (),
                "undo": "rollback acme d-1 --over d-2",
                "undo_label": "Roll back",
            }
        )
    ),
    "result-failed-and-outdated": results.final(
        FAILED.model_copy(update={"created": (), "outdated": True})
    ),
    "run-refused-at-its-turn": runs.root(REFUSED_AT_ITS_TURN, LATER),
    "result-refused-at-its-turn": results.final(REFUSED_AT_ITS_TURN),
    "result-for-the-command-line": results.final(done(actor=CLI)),
    "result-failed": results.final(FAILED),
    "result-errored": results.final(ERRORED),
    "result-cancelled": results.final(
        at_work(status=RunStatus.CANCELLED, ended_at=LATER, cancelled_by="ben", created=MADE)
    ),
    "result-rolled-back": results.final(at_work(status=RunStatus.ROLLED_BACK, ended_at=LATER)),
    "answer-table": said(LISTED, line="list"),
    "answer-table-shared": said(LISTED, line="list", shared_by="U0ADA"),
    "answer-empty": said(Answer(title="No instances", parts=(Table(columns=("A",), rows=()),))),
    "answer-meanings": said(
        Answer(
            title="What you can do",
            parts=(
                Table(
                    columns=("Instances", ""),
                    rows=(
                        ("/luthien create <instance> [--repo REPO]", "Create an instance" * 3),
                        ("/luthien list", "List them"),
                    ),
                ),
            ),
        )
    ),
    "answer-facts": said(
        Answer(
            title="acme & co",
            parts=(
                Facts(
                    facts=(
                        Fact(label="Address", value="acme.example", url="https://acme.example"),
                        Fact(label="State", value=""),
                        Fact(label="Changes", value="+ one, " * 20),
                        Fact(label="Made", value="1 min ago"),
                    )
                ),
                Code(title="Log", text="a < b\nc > d"),
            ),
        ),
        line="status acme",
    ),
    "answer-secrets": said(
        Answer(
            title="Credentials of acme",
            parts=(Secrets(values=(("Proxy key", "sk-1"),), note="Keep them safe."),),
            private=True,
        ),
        line="credentials acme",
    ),
    "at-work": messages.at_work("create acme", timedelta(seconds=13)),
    "cannot-speak": messages.cannot_speak("create acme", "C0GEN", "luthien"),
    "nowhere-to-speak": messages.nowhere_to_speak("create acme"),
    "understood": messages.with_note(
        said(LISTED, line="list"), messages.understood("list --state <b>")
    ),
    "understood-with-doubt": messages.with_note(
        said(LISTED, line="help delete"), messages.understood("help delete", "don't")
    ),
    "understood-in-part": messages.understood_in_part("status <instance>", "status"),
    "waits-for-a-click": messages.waits_for_a_click("create acme", Risk.ADDS, plan=True),
    "waits-for-a-dangerous-click": messages.waits_for_a_click(
        "clean-up acme", Risk.REMOVES, plan=False
    ),
    "not-understood": messages.not_understood("crate <acme> somehow", ("help create", "list")),
    "cannot-explain": messages.cannot_explain(),
    "live": live.beginning("Log of <gateway>", "slack:U0ADA", timedelta(minutes=5), "k1"),
    "live-over": live.ending(
        "Log of <gateway>", "slack:U0ADA", timedelta(minutes=5), 1234, "", "logs acme --follow 5m"
    ),
    "live-stopped": live.ending(
        "Log of <gateway>",
        "slack:U0ADA",
        timedelta(seconds=12),
        1,
        f"stopped by {mention('slack:U0BEN')}",
        "logs acme --follow 5m",
    ),
    "live-forgotten": live.gone("📜 Log of &lt;gateway&gt;, live for 5 min. New lines come"),
    "answer-as-file": messages.with_note(
        said(Answer(title="Log", parts=(Code(text="line\n" * 1000),))), messages.sent_as_file()
    ),
    "answer-cut-short": messages.with_note(
        said(Answer(title="Log")), messages.cut_short("missing_scope (needs files:write)")
    ),
    "not-followed": messages.with_note(
        said(Answer(title="Log")), messages.not_followed("C0GEN", "luthien")
    ),
    "form-again": messages.form_again("create", "create <instance>"),
    "refusal-unknown-command": refusals.refusal(
        errors.UnknownCommand("There is no command `crate`.", nearest="create"),
        REGISTRY,
        line="crate acme --keep",
    ),
    "refusal-invalid": refusals.refusal(
        errors.InvalidInput("The name is not good.", why="It has `<`.", next_step="/luthien help"),
        REGISTRY,
        line="create <acme>",
    ),
    "refusal-not-allowed": refusals.refusal(
        errors.NotAllowed("`create` needs more.", who=f"{mention('slack:U0ADA')} can do it."),
        REGISTRY,
    ),
    "refusal-locked": refusals.refusal(
        errors.Locked(
            "`acme` is busy.",
            why="Run r-1 holds it.",
            who="Ada can end it.",
            next_step="/luthien status acme",
            link="https://slack.example/p1",
        ),
        REGISTRY,
    ),
    "answer-with-charts": said(
        Answer(
            title="Usage <of> acme",
            parts=(
                lines("Memory of <acme>"),
                Chart(
                    kind="pie",
                    title="Instances by state",
                    unit="instances",
                    along="state",
                    categories=("running", "unhealthy", "failed"),
                    series=(Series(name="instances", values=(12, 1, 0)),),
                ),
                lines("One too many", series=1),
            ),
        ),
        line="usage acme",
    ),
    "notice-unhealthy": drawn(
        Notice(
            "watch:1",
            "🔴 *acme* is unhealthy: gateway: the last deployment crashed.",
            (Offer(label="Status", line="status acme"), Offer(label="Logs", line="logs acme")),
        )
    ),
    "notice-healthy-again": drawn(
        Notice("watch:2", "🟢 *acme* is healthy again after 12 min.", thread="watch:1")
    ),
    "notice-digest": drawn(digest_of_a_day()),
    "incident": refusals.incident("beef0001", "create acme"),
    "log": log_message(
        [
            LogLine("✓ Add Postgres · 2 s"),
            LogLine("✗ *Deploy*: failed", code="npm ERR!\nexit 1", urgent=True),
            LogLine("🧹 Removing what this run had made"),
        ]
    ),
}


def as_json(render: Render) -> dict[str, Any]:
    newest, plain = render(NEWER), render(PLAIN)
    kept: dict[str, Any] = {"text": newest.text, "blocks": list(newest.blocks)}
    if plain.blocks != newest.blocks:
        kept["plain"] = list(plain.blocks)
    return kept


@pytest.mark.parametrize("name", CASES)
def test_a_message_is_as_it_was_read(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    found = as_json(CASES[name])
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    assert found == json.loads(path.read_text())


def test_no_golden_file_is_left_over() -> None:
    assert {p.stem for p in GOLDEN.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("newer", [NEWER, PLAIN], ids=["newest", "plain"])
@pytest.mark.parametrize("name", CASES)
def test_slack_takes_every_message(name: str, newer: Kinds) -> None:
    message = CASES[name](newer)
    assert check_blocks(list(message.blocks), Surface.MESSAGE) == []
    assert message.text.strip()
    assert len(message.text) <= 4_000


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_slack_takes_every_form(command: Any) -> None:
    view = forms.view(Wish(command), forms.Form(command.name, "C0OPS", "t"))
    assert check_blocks(view["blocks"], Surface.MODAL) == []


ALL = discover(commands)


def may(role: Role) -> Sequence[type[Command]]:
    return Rights(ADA.model_copy(update={"role": role}), Policy(), ALL, START).commands()


WELL = Situation()


def instance(
    name: str, status: str = "running", about: Situation = WELL, **fields: object
) -> dict[str, object]:
    made = {"name": name, "status": status, "url": f"https://{name}.example"}
    offered = [command.name for command in actions(ALL.listed, about)]
    known = {"created_at": "2026-11-18T09:00:00+00:00", "locked_by": None, "actions": offered}
    return made | known | fields


APPROVALS = Answer(
    title="1 approval waiting, 1 for you",
    parts=(Offers(offers=(Offer(label="Approve r-9", line="approve r-9", style="primary"),)),),
    data={
        "approvals": [{"run": "r-9", "title": "Delete <acme> now", "line": "delete acme --force"}],
        "mine": ["r-9"],
    },
)
HOMES = {
    "full": home.view(
        ADA,
        may(Role.ADMIN),
        home.Sight(
            runs=[at_work(thread_url="https://slack.example/p1")],
            instances=[
                instance("acme"),
                instance("beta", "failed", url=None),
                instance(
                    "gone",
                    "deletion_scheduled",
                    Situation(leaving=True),
                    deletion_scheduled_at="2026-11-27T13:00:00+00:00",
                ),
                instance("mine", about=Situation(held=True), locked_by=ADA.key),
                instance("bens", about=Situation(held=True, barred=True), locked_by="slack:U0BEN"),
                instance("half", "failed", Situation(made=False)),
            ],
            approvals=APPROVALS,
        ),
        LATER,
    ),
    "viewer": home.view(
        ADA.model_copy(update={"role": Role.VIEWER}),
        may(Role.VIEWER),
        home.Sight(
            instances=[
                instance(
                    "gone",
                    about=Situation(leaving=True, due=True),
                    deletion_scheduled_at="2026-11-21T08:00:00+00:00",
                )
            ]
        ),
        LATER,
    ),
    "trouble": home.view(ADA, COMMANDS, home.Sight(trouble="Railway <gave> no answer."), LATER),
    "crowded": home.view(
        ADA,
        may(Role.ADMIN),
        home.Sight(
            runs=[at_work(id=f"r-{n}", thread_url="https://slack.example/p1") for n in range(50)],
            instances=[instance(f"i-{n}" + "x" * 59) for n in range(1000)],
            approvals=APPROVALS,
        ),
        LATER,
    ),
}


@pytest.mark.parametrize("name", HOMES)
def test_the_home_is_as_it_was_read(name: str) -> None:
    view = HOMES[name]
    path = GOLDEN / "home" / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(view, indent=2, ensure_ascii=False) + "\n")
    assert view == json.loads(path.read_text())
    assert check_blocks(view["blocks"], Surface.HOME) == []
    assert len(view["blocks"]) <= 100


def test_no_class_of_error_is_without_an_idiom() -> None:
    ours = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, OpsError)}
    assert ours == set(refusals.IDIOMS)


async def test_secrets_stand_in_blocks_and_never_in_the_text() -> None:
    message = messages.answer(await asked(Credentials(instance="acme")), line="x")(NEWER)
    assert "sk-proxy-1" in json.dumps(message.blocks)
    assert "sk-" not in message.text
    assert "Share here" not in json.dumps(message.blocks)


async def test_what_a_vendor_says_cannot_format_or_ping() -> None:
    message = messages.answer(await asked(Status(instance="acme")))(NEWER)
    assert "&lt;really&gt;" in json.dumps(message.blocks)
    assert "<!channel>" not in json.dumps(
        messages.answer(Answer(title="<!channel> hi"))(NEWER).blocks
    )


async def test_an_answer_can_be_shared() -> None:
    message = messages.answer(await asked(Help()), line="help")(NEWER)
    assert "Share here" in json.dumps(message.blocks)


def big(rows: int) -> Answer:
    return Answer(
        title="Many",
        parts=(
            Table(
                columns=("Name", "Address"),
                rows=tuple((f"n{i}", "https://x.example/" + "y" * 90) for i in range(rows)),
            ),
            Code(text="line\n" * 5_000),
            *(Facts(facts=(Fact(label="l", value="v" * 9_000),)) for _ in range(60)),
        ),
    )


@pytest.mark.parametrize("newer", [NEWER, PLAIN], ids=["newest", "plain"])
def test_whatever_is_too_long_is_cut_to_what_slack_takes(newer: Kinds) -> None:
    message = messages.answer(big(1_000), line="list")(newer)
    assert check_blocks(list(message.blocks), Surface.MESSAGE) == []
    assert "and more than fits" in json.dumps(message.blocks)
    assert len(message.text) <= 4_000


def test_a_run_of_a_hundred_steps_fits() -> None:
    step = at_work().steps[0]
    many = tuple(step.model_copy(update={"key": f"s{i}"}) for i in range(100))
    for newer in (NEWER, PLAIN):
        drawn: Message = runs.root(at_work(steps=many), LATER)(newer)
        assert check_blocks(list(drawn.blocks), Surface.MESSAGE) == []


LINES: list[tuple[EventKind, dict[str, Any], str | None]] = [
    (EventKind.QUEUED, {}, None),
    (EventKind.QUEUED, {"by": "ben"}, "↻ ben asked to try again"),
    (EventKind.QUEUED, {"by": "ben", "removing": True}, "↻ ben asked to remove what was made"),
    (
        EventKind.APPROVAL_ASKED,
        {"needed": 2, "approvers": ["admin", "slack:U0ZOE"]},
        "✋ Waits for 2 approvals by the role admin or <@U0ZOE>",
    ),
    (EventKind.APPROVED, {"by": "slack:U0ADA", "given": 1, "needed": 1}, "👍 <@U0ADA> approved"),
    (
        EventKind.APPROVED,
        {"by": "slack:U0ADA", "given": 1, "needed": 2},
        "👍 <@U0ADA> approved (1 of 2)",
    ),
    (EventKind.APPROVAL_CLOSED, {"status": "expired"}, None),
    (
        EventKind.WAITING,
        BEHIND_A_RUN.model_dump(mode="json"),
        "🧍 It waits, 2nd in line. Under way is `redeploy acme` (run `r-0`, by ada)."
        " Its turn is expected at about 09:01:12 UTC.",
    ),
    (EventKind.PLANNED, {}, "▶ Its turn has come; it was planned anew"),
    (EventKind.STARTED, {}, None),
    (EventKind.STEP_STARTED, {}, None),
    (EventKind.STEP_NOTE, {"text": "BUILDING"}, None),
    (
        EventKind.STEP_RETRIED,
        {"reason": "No answer.", "wait_s": 4, "attempt": 2},
        "↻ Add Redis: again in 4 s, try 2. No answer.",
    ),
    (
        EventKind.STEP_DONE,
        {"duration_s": 65.2, "result": {"url": "https://x"}},
        "✓ Add Redis · 1 min 5 s · <https://x|open>",
    ),
    (EventKind.STEP_STOPPED, {}, "◌ Add Redis: stopped"),
    (
        EventKind.STEP_FAILED,
        {"summary": "No <way>.", "why": "Because.", "phase": "BUILD", "log": ["a", "b"]},
        "✗ *Add Redis*: No &lt;way&gt;.\nFailed phase: `BUILD`\nBecause.",
    ),
    (EventKind.CLEANUP_STARTED, {}, "🧹 Removing what this run had made"),
    (
        EventKind.REMOVED,
        {"kind": "project", "id": "p-1", "name": "acme"},
        "– removed project *acme* (`p-1`)",
    ),
    (
        EventKind.LEFT_BEHIND,
        {"kind": "volume", "id": "v-1", "name": "data", "reason": "500"},
        "⚠️ could not remove volume *data* (`v-1`): 500",
    ),
    (EventKind.CANCELLING, {"by": "ben"}, "✋ ben asked to stop it"),
    (EventKind.ENDED, {"status": "failed"}, None),
]


@pytest.mark.parametrize(("kind", "data", "line"), LINES)
def test_a_line_per_event_worth_keeping(
    kind: EventKind, data: dict[str, Any], line: str | None
) -> None:
    event = Event(seq=1, run_id="r-1", at=START, kind=kind, step="redis", data=data)
    told = log_line(event, a_run())
    assert (told.text if told else None) == line
    if told and data.get("log"):
        assert (told.code, told.urgent) == ("a\nb", True)


def test_every_kind_of_event_was_thought_of() -> None:
    assert {kind for kind, _, _ in LINES} == set(EventKind)


def test_create_is_in_the_registry_of_these_tests() -> None:
    assert REGISTRY.command("create") is Create
