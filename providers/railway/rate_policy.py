"""The RateLimit-Policy header: how many requests Railway allows in windows of which lengths.

Source: Railway docs, integrations/api; RFC 9651 (structured fields); the IETF's draft
ratelimit-headers (q: quota, w: window in seconds, qu: what is counted, else requests).
"""

from __future__ import annotations

import re

_HOUR = 3600
_LONGEST_POLICY = 2_000
"""Characters of a RateLimit-Policy header; a longer one is ignored."""
_REQUESTS = '"requests"'
_STRING = r'"(?:[^"\\]|\\["\\]){0,200}"'
_TOKEN = r"[A-Za-z*][\w!#$%&'*+.^`|~:/-]{0,200}"
_VALUE = rf"-?\d{{1,15}}(?:\.\d{{1,3}})?|{_STRING}|:[\w+/=-]{{0,200}}:|\?[01]|{_TOKEN}"
_KEY = r"[a-z*][a-z0-9_.*-]{0,50}"
_POLICY = re.compile(
    rf"(?:{_STRING}|{_TOKEN})(?P<rest>(?:; {{0,20}}{_KEY}(?:=(?:{_VALUE}))?){{0,20}})", re.ASCII
)
_PARAMETER = re.compile(rf"; {{0,20}}(?P<key>{_KEY})(?:=(?P<value>{_VALUE}))?", re.ASCII)
_NEXT_POLICY = re.compile(r"[ \t]{0,20},[ \t]{0,20}")


def hourly_quota(value: str | None) -> int | None:
    """Requests an hour as a RateLimit-Policy header allows them: `"default";q=1000;w=3600`.

    The policy for an hour decides; without one, the policy that allows the fewest an hour. None
    when there is none, or when the header is malformed.
    """
    hours: list[int] = []
    others: list[int] = []
    for parameters in _policies(value or ""):
        quota, window = (_count(parameters.get(key)) for key in ("q", "w"))
        if quota is None or window is None or parameters.get("qu", _REQUESTS) != _REQUESTS:
            continue
        if window == _HOUR:
            hours.append(quota)
        else:
            others.append(max(1, quota * _HOUR // window))
    return min(hours or others, default=None)


def _policies(value: str) -> list[dict[str, str]]:
    """The parameters of each policy, as they are written; none when anything is malformed."""
    value = value.strip(" ")
    found: list[dict[str, str]] = []
    at = 0
    while len(value) <= _LONGEST_POLICY and (policy := _POLICY.match(value, at)):
        parameters = _PARAMETER.finditer(policy["rest"])
        found.append({one["key"]: one["value"] or "" for one in parameters})
        if policy.end() == len(value):
            return found
        separator = _NEXT_POLICY.match(value, policy.end())
        if separator is None:
            break
        at = separator.end()
    return []


def _count(value: str | None) -> int | None:
    """A whole number above 0."""
    return int(value) or None if value and value.isascii() and value.isdecimal() else None
