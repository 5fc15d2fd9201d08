from __future__ import annotations

import pytest
from pydantic import ValidationError

from engine.answer import Chart, Series, number


def chart(**changed: object) -> Chart:
    one = Series(name="acme", values=(1.0, 0.042))
    fields = {"kind": "bar", "title": "Memory", "unit": "GB", "along": "day"}
    return Chart.model_validate(
        fields | {"categories": ("Mon", "Tue"), "series": (one,)} | changed
    )


def test_a_charts_numbers_make_a_table() -> None:
    two = (Series(name="a", values=(1, 2)), Series(name="b", values=(3, 4_000)))
    assert chart().table().columns == ("day", "GB")
    assert chart().table().rows == (("Mon", "1"), ("Tue", "0.042"))
    assert chart(series=two).table().columns == ("day", "a", "b")
    assert chart(series=two).table().rows[1] == ("Tue", "2", "4,000")


@pytest.mark.parametrize(
    "changed",
    [
        {"categories": ("Mon", "Mon")},
        {"categories": ("Mon",)},
        {"categories": ()},
        {"categories": ("Mon", "x" * 21)},
        {"title": ""},
        {"title": "x" * 51},
        {"series": ()},
        {"series": tuple(Series(name=f"s{n}", values=(1, 2)) for n in range(13))},
        {"kind": "pie", "series": tuple(Series(name=f"s{n}", values=(1, 2)) for n in range(2))},
    ],
)
def test_what_no_door_could_draw_is_no_chart(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        chart(**changed)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.000004, "0"),
        (0.0421, "0.042"),
        (0.5, "0.5"),
        (3.14159, "3.14"),
        (31.4159, "31.4"),
        (1024.4, "1,024"),
        (12, "12"),
        (-0.25, "-0.25"),
    ],
)
def test_a_number_has_as_many_digits_as_say_something(value: float, words: str) -> None:
    assert number(value) == words
