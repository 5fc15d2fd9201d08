from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from api.cli import build, parse_line, run
from engine.answer import Answer, Code, Tail
from engine.control_plane import Outcome
from engine.errors import InvalidInput, Locked, Refused, Unreachable
from engine.run import RunStatus
from tests.unit.api.fakes import Destroy, FakeControl, Keys, Make, Things, desk, failed, run_view

if TYPE_CHECKING:
    from engine.answer import Part
    from engine.run import Event


class Shell:
    """Types command lines and reads what came out."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def types(self, line: str, control: FakeControl, *, outlives: bool = True) -> tuple[int, str]:
        code, out, err = self.types_apart(line, control, outlives=outlives)
        return code, out + err

    def types_apart(
        self, line: str, control: FakeControl, *, outlives: bool = True
    ) -> tuple[int, str, str]:
        at = desk(control, outlives=outlives)
        code = run(build(at), at, line.split())
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def json(self, line: str, control: FakeControl) -> tuple[int, Any]:
        code, out, _ = self.types_apart(line + " --json", control)
        return code, json.loads(out)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_arguments_and_options_become_the_command(shell: Shell) -> None:
    control = FakeControl()
    shell.types("make acme --colour blue --keep", control)
    assert control.asked[0] == ("cli:ada", Make(thing="acme", colour="blue", keep=True), False)


def test_many_words_and_none(shell: Shell) -> None:
    control = FakeControl()
    shell.types("things big old", control)
    shell.types("things", control)
    assert [asked[1] for asked in control.asked] == [Things(words=("big", "old")), Things()]


def test_an_answer_that_goes_on_is_followed_to_its_end(shell: Shell) -> None:
    def said(line: str, *parts: Part) -> Answer:
        return Answer(title="Log", parts=(Code(text=line), *parts), data={"line": line})

    class Dripping(FakeControl):
        async def perform(self, *args: Any, **how: Any) -> Outcome:
            self.answers["things"] = said("second") if self.asked else first
            return await super().perform(*args, **how)

    first = said("first", Tail(line="things next", every_s=0.001, for_s=10))
    control = Dripping()
    code, out, _ = shell.types_apart("things", control)
    assert code == 0
    assert [line.strip() for line in out.splitlines() if line.strip()] == [
        "Log",
        "first",
        "Going on for 10 s; Ctrl-C ends it.",
        "second",
    ]
    assert [asked[1] for asked in control.asked] == [Things(), Things(words=("next",))]
    code, out, _ = shell.types_apart("things --json", Dripping())
    decoder, shown = json.JSONDecoder(), []
    while out.strip():
        value, end = decoder.raw_decode(out.strip())
        shown.append(value)
        out = out.strip()[end:]
    assert shown == [{"line": "first"}, {"line": "second"}]


def test_the_command_word_ignores_case(shell: Shell) -> None:
    assert shell.types("THINGS", FakeControl())[0] == 0


def test_every_part_of_an_answer_is_rendered(shell: Shell) -> None:
    code, out, err = shell.types_apart("things", FakeControl())
    assert code == 0
    assert err == ""
    for said in (
        "2 things",
        "All well, see luthien keys acme.",
        "acme",
        "https://acme.example",
        "open it  https://console.example",
        "line one",
        "Next: luthien keys acme   Show keys",
        "Console: https://console.example/acme",
    ):
        assert said in out
    assert "/luthien" not in out


def test_json_of_a_question_is_its_data(shell: Shell) -> None:
    assert shell.json("things", FakeControl()) == (0, {"things": ["acme", "beta"]})


def test_a_run_is_told_line_by_line_and_ends_with_what_it_delivers(shell: Shell) -> None:
    control = FakeControl()
    code, out, err = shell.types_apart("make acme", control)
    assert code == 0
    assert err.splitlines() == [
        "Make acme",
        "00:02 … Make the thing acme",
        "00:03   Make the thing acme: BUILDING",
        "00:04   Make the thing acme: no answer; again in 2 s",
        "00:05 ✓ Make the thing acme (2 s)",
    ]
    assert "✓ Make acme: done in 3 s" in out
    assert "sk-secret-1" in out
    assert control.asked[-1][1] == Keys(thing="acme")


def test_json_of_a_run_merges_what_it_delivers(shell: Shell) -> None:
    code, data = shell.json("make acme", FakeControl())
    assert code == 0
    assert data == {
        "name": "acme",
        "url": "https://acme.example",
        "key": "sk-secret-1",
        "run": "rtest234",
    }


def test_a_run_that_delivered_nothing_still_succeeded(shell: Shell) -> None:
    control = FakeControl({"keys": Unreachable("No answer.", vendor="v", call="c")})
    code, out, err = shell.types_apart("make acme", control)
    assert code == 0
    assert "done in 3 s" in out
    assert "No answer." in err


def test_what_another_person_is_to_receive_is_not_delivered_here(shell: Shell) -> None:
    other = run_view().actor.model_copy(update={"id": "ben"})
    control = FakeControl(at_end=run_view(RunStatus.SUCCEEDED, actor=other))
    code, out, _ = shell.types_apart("make acme", control)
    assert code == 0
    assert "sk-secret-1" not in out


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.ERRORED, RunStatus.CANCELLED])
def test_a_run_that_ends_badly_exits_1(shell: Shell, status: RunStatus) -> None:
    control = FakeControl(at_end=failed(status))
    code, said = shell.types("make acme", control)
    assert code == 1
    for word in ("did not start", "503", "no database", "HEALTHCHECK", "luthien-acme (p-1)"):
        assert word in said
    assert "Next: luthien again rtest234" in said
    code, data = shell.json("make acme", control)
    assert code == 1
    assert data["code"] == f"run_{status}"
    assert data["next_step"] == "luthien again rtest234"
    assert [thing["id"] for thing in data["left"]] == ["p-1"]


def test_waiting_for_a_person_exits_3_with_the_run(shell: Shell) -> None:
    control = FakeControl({"make": run_view(RunStatus.AWAITING_APPROVAL)})
    code, data = shell.json("make acme --yes", control)
    assert code == 3
    assert data["run"] == "rtest234"


def test_plan_shows_and_stops(shell: Shell) -> None:
    control = FakeControl()
    code, out, _ = shell.types_apart("make acme --plan", control)
    assert code == 0
    assert "Plan: Make acme." in out
    assert [plan_only for _, _, plan_only in control.asked] == [True]


def test_questions_have_no_plan(shell: Shell) -> None:
    code, data = shell.json("things --plan", FakeControl())
    assert code == 2
    assert "--plan" in data["error"]


def test_follow_shows_the_run_that_an_answer_is_about(shell: Shell) -> None:
    again = FakeControl().answers["things"]
    control = FakeControl({"again": again.model_copy(update={"data": {"id": "rtest234"}})})  # type: ignore[union-attr]
    code, out, err = shell.types_apart("again rtest234 --follow", control)
    assert code == 0
    assert "BUILDING" in err
    assert "done in 3 s" in out


# ── refusals ──────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_exits_2_and_says_what_why_who_next(shell: Shell) -> None:
    locked = Locked("acme is held.", why="Run r2.", who="Ada.", next_step="/luthien run r2")
    control = FakeControl({"make": locked})
    code, out, err = shell.types_apart("make acme", control)
    assert (code, out) == (2, "")
    assert err.splitlines() == ["✗ acme is held.", "  Run r2.", "  Ada.", "Next: luthien run r2"]
    code, data = shell.json("make acme", control)
    assert (data["error"], data["code"], data["next_step"]) == (
        "acme is held.",
        "locked",
        "luthien run r2",
    )


def test_a_provider_that_fails_exits_1(shell: Shell) -> None:
    error = Unreachable("Railway does not answer.", vendor="railway", call="me")
    code, data = shell.json("things", FakeControl({"things": error}))
    assert (code, data["code"]) == (1, "unreachable")


@pytest.mark.parametrize(
    ("line", "code", "word"),
    [
        ("mak acme", "unknown_command", "Did you mean `make`?"),
        ("make", "invalid_input", "thing is needed"),
        ("make acme --colour green", "invalid_input", "colour"),
        ("make acme --size 3", "invalid_input", "--size"),
        ("make a b c", "invalid_input", "unexpected extra argument"),
    ],
)
def test_wrong_usage_exits_2(shell: Shell, line: str, code: str, word: str) -> None:
    control = FakeControl()
    exit_code, data = shell.json(line, control)
    assert (exit_code, data["code"]) == (2, code)
    assert word in data["error"]
    assert data["next_step"].startswith("luthien ")
    assert control.asked == []


def test_a_mistyped_command_is_corrected_with_its_arguments(shell: Shell) -> None:
    _, said = shell.types("mak acme --colour blue", FakeControl())
    assert "Next: luthien make acme --colour blue" in said
    assert "Nothing was done." in said
    assert "You can type it again" in said


def test_only_a_near_option_is_guessed_at(shell: Shell) -> None:
    near, far = ("make acme --colur blue", "make acme --san")
    assert "--colour" in shell.json(near, FakeControl())[1]["error"]
    _, data = shell.json(far, FakeControl())
    assert "--plan" not in data["error"]
    assert data["who"]


def test_what_removes_asks_first_and_yes_answers(shell: Shell) -> None:
    control = FakeControl({"destroy": run_view()})
    code, said = shell.types("destroy acme", control)
    assert code == 2
    assert "luthien destroy acme --yes" in said
    assert [plan_only for _, _, plan_only in control.asked] == [True], "nothing was begun"
    assert shell.types("destroy acme -y", control)[0] == 0
    assert control.asked[1][1:] == (Destroy(thing="acme"), False)


def test_what_would_be_refused_is_refused_before_anybody_is_asked(shell: Shell) -> None:
    gone = Refused("It is gone already.", next_step="/luthien things")
    code, said = shell.types("destroy acme", FakeControl({"destroy": gone}))
    assert code == 2
    assert "It is gone already." in said
    assert "--yes" not in said


def test_a_bug_is_an_incident_and_the_log_files_path(shell: Shell) -> None:
    code, said = shell.types("things", FakeControl({"things": ZeroDivisionError("boom")}))
    assert code == 1
    assert "INC-" in said
    assert "data/luthien.log" in said
    assert "Traceback" not in said
    assert "boom" not in said


# ── leaving ───────────────────────────────────────────────────────────────────────────────────


class _Interrupts(list["Event"]):
    """Somebody presses Ctrl-C once the events are told."""

    def __iter__(self) -> Any:
        yield from super().__iter__()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.mark.parametrize(("outlives", "fate"), [(True, "goes on."), (False, "next at work here")])
def test_ctrl_c_detaches_and_says_how_to_follow_again(
    shell: Shell, outlives: bool, fate: str
) -> None:
    control = FakeControl()
    control.told = _Interrupts(control.told[:3])
    control.hangs = True
    code, said = shell.types("make acme", control, outlives=outlives)
    assert code == 130
    assert fate in said
    assert "Next: luthien run rtest234 --follow" in said


def test_ctrl_c_tells_a_script_the_run(shell: Shell) -> None:
    control = FakeControl()
    control.told = _Interrupts(control.told[:3])
    control.hangs = True
    code, data = shell.json("make acme", control)
    assert (code, data["run"]) == (130, "rtest234")
    assert data["next_step"] == "luthien run rtest234 --follow"


# ── help and completion ───────────────────────────────────────────────────────────────────────


def test_help_lists_every_command_and_its_fields(shell: Shell) -> None:
    code, out, _ = shell.types_apart("--help", FakeControl())
    assert code == 0
    for word in ("make", "things", "Make a thing.", "completion"):
        assert word in out
    code, out, _ = shell.types_apart("make --help", FakeControl())
    assert code == 0
    for word in ("What to make", "--colour", "red|blue", "--plan", "--json", "luthien make acme"):
        assert word in out


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: Shell, name: str) -> None:
    code, out, _ = shell.types_apart(f"completion {name}", FakeControl())
    assert code == 0
    assert "_LUTHIEN_COMPLETE" in out


def test_values_complete() -> None:
    from click.shell_completion import ShellComplete

    at = desk(FakeControl())
    shell = ShellComplete(build(at), {}, "luthien", "_LUTHIEN_COMPLETE")

    def offered(typed: list[str], word: str) -> list[str]:
        return [item.value for item in shell.get_completions(typed, word)]

    assert offered(["make"], "a") == ["acme"]
    assert offered(["make", "acme", "--colour"], "") == ["red", "blue"]
    assert "make" in offered([], "ma")


def test_a_line_is_parsed_as_typed() -> None:
    registry = FakeControl().registry
    assert parse_line(registry, 'make "acme" --colour blue') == Make(thing="acme", colour="blue")
    with pytest.raises(InvalidInput):
        parse_line(registry, "make acme --nothing")
