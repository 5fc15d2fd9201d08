"""Small builders of blocks, and one wrong payload for every case of the public corpus."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "hi", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain("Go"), "action_id": "go", **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(text: str = "A", value: str = "a", **more: Any) -> Json:
    return {"text": plain(text), "value": value, **more}


def options(count: int) -> list[Json]:
    return [option(f"{n}", f"{n}") for n in range(count)]


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "s", **more}


def confirm(**more: Any) -> Json:
    texts = {name: plain(name) for name in ("title", "text", "confirm", "deny")}
    return button(confirm=texts | more)


def field(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain("Field"), "element": element, **more}


def text_input(**more: Any) -> Json:
    return {"type": "plain_text_input", "action_id": "t", **more}


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": "https://e.example/i.png", "alt_text": "i"} | more


def video(**more: Any) -> Json:
    return {
        "type": "video",
        "alt_text": "v",
        "title": plain("V"),
        "thumbnail_url": "https://e.example/t.png",
        "video_url": "https://e.example/v.mp4",
    } | more


def raw(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def table(rows: int = 2, columns: int = 2, **more: Any) -> Json:
    return {"type": "table", "rows": [[raw() for _ in range(columns)] for _ in range(rows)]} | more


def data_table(rows: int = 2, columns: int = 2, **more: Any) -> Json:
    return table(rows, columns) | {"type": "data_table", "caption": "c"} | more


def chart(kind: str = "pie", title: str = "Chart", **more: Any) -> Json:
    return {"type": "data_visualization", "title": title, "chart": {"type": kind, **more}}


def pie(count: int = 1, label: str = "a", value: float = 1) -> Json:
    return chart(segments=[{"label": label, "value": value}] * count)


def bars(
    series: int = 1,
    points: int = 1,
    *,
    name: str = "n",
    label: str = "a",
    categories: list[str] | None = None,
    **axis: str,
) -> Json:
    data = [{"label": label, "value": 1}] * points
    return chart(
        "bar",
        series=[{"name": name, "data": data}] * series,
        axis_config={"categories": ["a"] if categories is None else categories, **axis},
    )


def card(**more: Any) -> Json:
    return {"type": "card", "title": plain("Card"), **more}


def container(children: int = 1, **more: Any) -> Json:
    return {
        "type": "container",
        "title": plain("More"),
        "child_blocks": [section() for _ in range(children)],
        **more,
    }


def feedback(**more: Any) -> Json:
    good, bad = {"text": plain("Good"), "value": "g"}, {"text": plain("Bad"), "value": "b"}
    element = {
        "type": "feedback_buttons",
        "action_id": "f",
        "positive_button": good | more,
        "negative_button": bad,
    }
    return {"type": "context_actions", "elements": [element]}


def icon_button(**more: Any) -> Json:
    return {"type": "icon_button", "icon": "trash", "text": plain("Delete")} | more


def task(**more: Any) -> Json:
    return {"task_id": "1", "title": "Build", "status": "complete"} | more


def plan(*tasks: Json, **more: Any) -> Json:
    return {"type": "plan", "title": "Plan", "tasks": list(tasks)} | more


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain("Modal"), "blocks": list(blocks or [section()])} | more


def _emoji(count: int) -> str:
    return "https://e.example/" + "\N{GRINNING FACE}" * (count - 18)


INVALID: dict[str, Json] = {
    "text-empty": section(""),
    "text-too-long": section("x" * 3001),
    "button-action-id-too-long": actions(button(action_id="x" * 256)),
    "button-text-too-long": actions(button(text=plain("x" * 76))),
    "button-url-too-long": actions(button(url="x" * 3001)),
    "button-value-too-long": actions(button(value="x" * 2001)),
    "button-accessibility-label-too-long": actions(button(accessibility_label="x" * 76)),
    "confirmation-title-too-long": actions(confirm(title=plain("x" * 101))),
    "confirmation-text-too-long": actions(confirm(text=plain("x" * 301))),
    "confirmation-confirm-too-long": actions(confirm(confirm=plain("x" * 31))),
    "confirmation-deny-too-long": actions(confirm(deny=plain("x" * 31))),
    "option-text-too-long": actions(select(options=[option(text="x" * 76)])),
    "option-value-too-long": actions(select(options=[option(value="x" * 151)])),
    "option-description-too-long": actions(select(options=[option(description=plain("x" * 76))])),
    "option-url-too-long": actions(
        {"type": "overflow", "action_id": "o", "options": [option(url=_emoji(3001))]}
    ),
    "option-group-label-too-long": actions(
        select(option_groups=[{"label": plain("x" * 76), "options": options(1)}])
    ),
    "option-group-empty": actions(select(option_groups=[{"label": plain("x"), "options": []}])),
    "option-group-too-many-options": actions(
        select(option_groups=[{"label": plain("x"), "options": options(101)}])
    ),
    "select-placeholder-too-long": actions(
        select(options=options(1), placeholder=plain("x" * 151))
    ),
    "select-too-many-options": actions(select(options=options(101))),
    "select-too-many-option-groups": actions(
        select(option_groups=[{"label": plain("x"), "options": options(1)}] * 101)
    ),
    "static-select-options-and-groups": actions(
        select(options=options(1), option_groups=[{"label": plain("x"), "options": options(1)}])
    ),
    "overflow-empty": actions({"type": "overflow", "options": []}),
    "overflow-too-many-options": actions({"type": "overflow", "options": options(6)}),
    "checkboxes-empty": actions({"type": "checkboxes", "options": []}),
    "checkboxes-too-many-options": actions({"type": "checkboxes", "options": options(11)}),
    "radio-buttons-empty": actions({"type": "radio_buttons", "options": []}),
    "radio-buttons-too-many-options": actions({"type": "radio_buttons", "options": options(11)}),
    "url-source-url-empty": plan(task(sources=[{"type": "url", "url": "", "text": "x"}])),
    "url-source-url-too-long": plan(
        task(sources=[{"type": "url", "url": "x" * 3001, "text": "x"}])
    ),
    "table-too-many-rows": table(rows=101),
    "table-ragged-rows": {"type": "table", "rows": [[raw()], [raw(), raw()]]},
    "table-column-settings-mismatch": table(column_settings=[{"align": "left"}] * 3),
    "actions-too-many-elements": actions(*(button(action_id=f"{n}") for n in range(26))),
    "context-too-many-elements": {"type": "context", "elements": [mrkdwn("x")] * 11},
    "context-invalid-element": {"type": "context", "elements": [button()]},
    "context-actions-too-many-elements": {
        "type": "context_actions",
        "elements": [icon_button(action_id=f"{n}") for n in range(6)],
    },
    "header-text-too-long": {"type": "header", "text": plain("x" * 151)},
    "image-url-too-long": image(image_url="x" * 3001),
    "image-alt-text-too-long": image(alt_text="x" * 2001),
    "image-url-and-slack-file": image(slack_file={"id": "F1"}),
    "input-label-too-long": field(text_input(), label=plain("x" * 2001)),
    "input-hint-too-long": field(text_input(), hint=plain("x" * 2001)),
    "input-invalid-element": field(button()),
    "markdown-empty": {"type": "markdown", "text": ""},
    "markdown-too-long": {"type": "markdown", "text": "x" * 12_001},
    "section-text-too-long": section("x" * 3001),
    "section-too-many-fields": section(fields=[mrkdwn("x")] * 11),
    "section-field-too-long": section(fields=[mrkdwn("x" * 2001)]),
    "section-missing-content": {"type": "section"},
    "block-id-too-long": section(block_id="x" * 256),
    "video-alt-text-empty": video(alt_text=""),
    "video-alt-text-too-long": video(alt_text="x" * 2001),
    "video-title-too-long": video(title=plain("x" * 201)),
    "video-author-name-too-long": video(author_name="x" * 51),
    "video-description-too-long": video(description=plain("x" * 201)),
    "video-provider-name-too-long": video(provider_name="x" * 51),
    "card-title-too-long": card(title=plain("x" * 151)),
    "card-subtitle-too-long": card(subtitle=plain("x" * 151)),
    "card-body-too-long": card(body=plain("x" * 201)),
    "card-subtext-too-long": card(subtext=plain("x" * 201)),
    "card-too-many-actions": card(actions=[button()] * 4),
    "carousel-empty": {"type": "carousel", "elements": []},
    "carousel-too-many-cards": {"type": "carousel", "elements": [card()] * 11},
    "container-title-too-long": container(title=plain("x" * 151)),
    "container-subtitle-too-long": container(subtitle=plain("x" * 151)),
    "container-too-many-child-blocks": container(11),
    "feedback-button-text-too-long": feedback(text=plain("x" * 76)),
    "feedback-button-value-too-long": feedback(value="x" * 2001),
    "feedback-button-accessibility-label-too-long": feedback(accessibility_label="x" * 76),
    "icon-button-too-many-visible-users": {
        "type": "context_actions",
        "elements": [icon_button(visible_to_user_ids=[f"U{n}" for n in range(11)])],
    },
    "data-table-too-few-rows": data_table(rows=1),
    "data-table-too-many-rows": data_table(rows=202),
    "data-table-too-few-columns": data_table(columns=0),
    "data-table-too-many-columns": data_table(columns=21),
    "data-table-page-size-too-small": data_table(page_size=0),
    "data-table-page-size-too-large": data_table(page_size=101),
    "data-table-cell-text-empty": data_table(rows=2) | {"rows": [[raw()], [raw("")]]},
    "data-table-content-too-long": data_table() | {"rows": [[raw()], [raw("x" * 20_000)]]},
    "data-visualization-title-too-long": pie() | {"title": "x" * 51},
    "pie-chart-empty": pie(0),
    "pie-chart-too-many-segments": pie(13),
    "chart-segment-label-too-long": pie(label="x" * 21),
    "chart-segment-value-not-positive": pie(value=0),
    "chart-series-empty": bars(series=0),
    "chart-too-many-series": bars(series=13),
    "data-series-name-too-long": bars(name="x" * 21),
    "data-series-empty": bars(points=0),
    "data-series-too-many-points": bars(points=21),
    "data-point-label-too-long": bars(label="x" * 21),
    "axis-categories-empty": bars(categories=[]),
    "axis-too-many-categories": bars(categories=["a"] * 21),
    "axis-category-label-too-long": bars(categories=["x" * 21]),
    "axis-label-too-long": bars(x_label="x" * 51),
}
"""By case of the corpus: blocks that Slack refuses in a message."""

INVALID_VIEWS: dict[str, Json] = {
    "alert-text-too-long": modal({"type": "alert", "text": plain("x" * 201)}),
    "file-input-max-files-too-small": modal(
        field({"type": "file_input", "max_files": 0}), submit=plain("Go")
    ),
    "file-input-max-files-too-large": modal(
        field({"type": "file_input", "max_files": 11}), submit=plain("Go")
    ),
    "plain-text-input-max-length-too-large": modal(
        field(text_input(max_length=3001)), submit=plain("Go")
    ),
    "number-input-inverted-range": modal(
        field(
            {
                "type": "number_input",
                "is_decimal_allowed": False,
                "min_value": "2",
                "max_value": "1",
            }
        ),
        submit=plain("Go"),
    ),
    "view-too-many-blocks": modal(*[section()] * 101),
    "view-private-metadata-too-long": modal(private_metadata="x" * 3001),
    "view-callback-id-too-long": modal(callback_id="x" * 256),
    "view-title-too-long": modal(title=plain("x" * 25)),
    "view-close-too-long": modal(close=plain("x" * 25)),
    "view-submit-too-long": modal(submit=plain("x" * 25)),
}
"""By case of the corpus: views that Slack refuses."""
