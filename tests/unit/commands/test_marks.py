from __future__ import annotations

from datetime import UTC, datetime

import pytest

from commands.marks import Mark, MarkKind

AT = datetime(2026, 6, 10, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        (Mark.creating("r2run"), "creating r2run"),
        (Mark.creating("r2run", name="a-long-name"), "creating r2run a-long-name"),
        (Mark.ready(), "ready"),
        (Mark.ready(name="a-long-name"), "ready a-long-name"),
        (Mark.ready(without=("Postgres", "Redis")), "ready without:Postgres,Redis"),
        (Mark.ready(name="a-long-name", without=("Redis",)), "ready without:Redis a-long-name"),
        (Mark.scheduled(AT), "deletion-scheduled:2026-06-10T12:30:00+00:00"),
        (Mark(MarkKind.EMPTY), ""),
    ],
)
def test_what_is_written_is_read_again(mark: Mark, text: str) -> None:
    assert str(mark) == text
    assert Mark.parse(text) == mark


def test_a_scheduled_deletion_is_the_whole_text() -> None:
    """The tool that came before reads everything after the colon as a time."""
    text = str(Mark.scheduled(AT))
    assert datetime.fromisoformat(text.removeprefix("deletion-scheduled:")) == AT


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Luthien Proxy instance: acme", MarkKind.EARLIER),
        ("   ", MarkKind.EMPTY),
        ("our marketing page", MarkKind.FOREIGN),
        ("creating a website for us", MarkKind.FOREIGN),
        ("ready for the launch", MarkKind.FOREIGN),
        ("deletion-scheduled:soon", MarkKind.FOREIGN),
        ("deletion-scheduled:", MarkKind.FOREIGN),
    ],
)
def test_other_peoples_words(text: str, kind: MarkKind) -> None:
    assert Mark.parse(text).kind == kind


def test_the_earlier_tool_named_its_instances() -> None:
    assert Mark.parse("Luthien Proxy instance: acme").name == "acme"


@pytest.mark.parametrize(
    "time", ["2026-06-10T12:30:00Z", "2026-06-10T12:30:00", " 2026-06-10T12:30:00+00:00"]
)
def test_times_are_read_as_the_earlier_tool_wrote_them(time: str) -> None:
    assert Mark.parse(f"deletion-scheduled:{time}").deletion_at == AT


@pytest.mark.parametrize("kind", [MarkKind.EARLIER, MarkKind.FOREIGN])
def test_nothing_else_is_ever_written(kind: MarkKind) -> None:
    with pytest.raises(ValueError, match="never written"):
        str(Mark(kind))
