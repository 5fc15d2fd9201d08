"""The arguments of a call, wherever the client put them.

The SDK sends most writes as a query string with an empty body, reads as GET, and messages and
views as JSON; Slack merges query, form and JSON.
"""

from __future__ import annotations

import json
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from sandbox.slack.errors import SlackError

if TYPE_CHECKING:
    from starlette.requests import Request

    from sandbox.slack.records import Json

SENT_AS_JSON = frozenset(
    {"attachments", "blocks", "chunks", "files", "loading_messages"}
    | {"manifest", "message", "metadata", "view"}
)
"""Arguments that may arrive as a string of JSON."""


async def read(request: Request, *, json_body: bool) -> Json:
    """Everything that was sent, later sources winning: query, then body.

    `json_body` is whether the method understands JSON; where it does not, Slack ignores the body.
    """
    arguments: Json = dict(request.query_params)
    content, _, parameters = request.headers.get("content-type", "").partition(";")
    body = await request.body()
    match content.strip().lower():
        case "application/json" if body and json_body:
            arguments |= _object(body)
        case "application/x-www-form-urlencoded":
            arguments |= dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True))
        case "multipart/form-data":
            arguments |= _parts(f"multipart/form-data;{parameters}", body)
    return arguments


def _object(body: bytes) -> Json:
    try:
        decoded = json.loads(body)
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(decoded, dict):
        raise SlackError("json_not_object")
    return decoded


def _parts(content_type: str, body: bytes) -> Json:
    fields: Json = {}
    for part in _form(content_type, body).iter_parts():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str) and part.get_filename() is None:
            content: Any = part.get_payload(decode=True)
            fields[name] = content.decode("utf-8")
    return fields


def first_file(content_type: str, body: bytes) -> bytes:
    """The content of a form's first file."""
    for part in _form(content_type, body).iter_parts():
        if part.get_filename() is not None:
            content: Any = part.get_payload(decode=True)
            return bytes(content)
    raise SlackError("invalid_form_data")


def _form(content_type: str, body: bytes) -> EmailMessage:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    if not isinstance(form, EmailMessage) or not form.is_multipart():
        raise SlackError("invalid_form_data")
    return form


def decoded(name: str, value: Any) -> Any:
    """A structured argument out of its string; what is no JSON stays as it came."""
    if name in SENT_AS_JSON and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
