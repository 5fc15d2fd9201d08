"""What must not escape, and how it is searched for: in every encoding that the code uses.

Secrets that a test makes up bear the mark, so that one search finds any of them.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import logging
import re
import sqlite3
import tarfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MARK = "canary-4f7d2k9m"
"""Part of every made-up secret: `sk-ant-canary-4f7d2k9m-of-a-tenant`."""
SHORTEST = 8
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|DATABASE_URL|REDIS_URL", re.IGNORECASE)
_WORD = re.compile(rb"[A-Za-z0-9+/=_%.~-]{6,}")


def encodings(value: str) -> Iterator[bytes]:
    """As it is, in JSON (once and twice), in a URL, in HTML, in hexadecimal, in base64."""
    raw = value.encode()
    once = json.dumps(value)[1:-1]
    yield raw
    yield once.encode()
    yield json.dumps(once)[1:-1].encode()
    yield quote(value, safe="").encode()
    yield quote_plus(value).encode()
    yield html.escape(value).encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield repr(value)[1:-1].encode()
    for prefix in range(3):  # base64 looks different at each of three offsets
        inner = base64.b64encode(b"\0" * prefix + raw).rstrip(b"=")[prefix + 2 : -2]
        if len(inner) >= SHORTEST:
            yield inner
            yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def spellings(canaries: Mapping[str, str]) -> dict[bytes, str]:
    """Spelling → name, of canaries given as value → name."""
    return {spelt: name for value, name in canaries.items() for spelt in encodings(value)}


def found(spelt: Mapping[bytes, str], content: bytes) -> set[str]:
    """Names of those that stand in it. Most spellings are one word; what a database or log holds
    repeats its words, so each of them is looked at once."""
    words = b"\n".join(set(_WORD.findall(content)))
    return {
        name
        for spelling, name in spelt.items()
        if spelling in (words if _WORD.fullmatch(spelling) else content)
    }


def contents(path: Path) -> Iterator[bytes]:
    """A file as it lies there; an archive also unpacked, and a database also row by row, since a
    value may lie in two of its pages."""
    raw = path.read_bytes()
    yield raw
    if raw.startswith(b"\x1f\x8b"):
        raw = gzip.decompress(raw)
        yield raw
        if tarfile.is_tarfile(io.BytesIO(raw)):
            with tarfile.open(fileobj=io.BytesIO(raw)) as packed:
                for member in packed.getmembers():
                    held = packed.extractfile(member)
                    yield held.read() if held else b""
    if raw.startswith(b"SQLite format 3\0"):
        yield rows(path)


def rows(path: Path) -> bytes:
    """Every value of every table."""
    said = io.BytesIO()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as there:
        there.text_factory = bytes
        tables = there.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            for row in there.execute(f'select * from "{table.decode()}"'):
                for value in row:
                    said.write(value if isinstance(value, bytes) else str(value).encode())
                    said.write(b"\n")
    return said.getvalue()


def variables(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Name and value of secret variables anywhere in the state of Railway's stand-in, with the
    passwords inside of URLs."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and name in ("variables", "rendered"):
                if "${{" in value or len(value) < SHORTEST:
                    continue
                for password in re.findall(r"://[^\s:/@]*:([^\s@]+)@", value):
                    yield key, password
                if SECRET.search(key):
                    yield key, value
            else:
                yield from variables(value, str(key))
    elif isinstance(node, list):
        for value in node:
            yield from variables(value, name)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.said: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


@contextmanager
def logged(level: int = logging.NOTSET) -> Iterator[list[str]]:
    """All that is logged meanwhile, with tracebacks; `level` for what is not logged by itself."""
    lines, root = _Lines(), logging.getLogger()
    before = root.level
    root.addHandler(lines)
    root.setLevel(level or before)
    try:
        yield lines.said
    finally:
        root.setLevel(before)
        root.removeHandler(lines)
