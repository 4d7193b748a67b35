"""Texts of others in Prefect's UI, which reads Markdown: in descriptions, and in the cells of tables, too."""

import re
from typing import Any

IN_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|!~&])")
LEADING = re.compile(r"!(?=\[)|\](?=[(\[:])|<(?=[A-Za-z/!?])|&(?=[#\w])")
APART = "\u2060"
"""A word joiner: nothing to be seen, and no part of any mark."""


def plain(text: str) -> str:
    """Return a text as Markdown that shows it as it is, in one line: no link, no picture, no tag of HTML."""
    return IN_MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def inert(value: Any) -> Any:
    """Return data whose texts look the same as text and, but for emphasis, as Markdown: no picture, no link, no tag.

    A picture of somebody else's in a reason would be fetched by the browser of everyone who opens the page.
    """
    if isinstance(value, str):
        return LEADING.sub(lambda found: f"{found[0]}{APART}", value)
    if isinstance(value, dict):
        return {inert(key): inert(part) for key, part in value.items()}
    return [inert(part) for part in value] if isinstance(value, list | tuple) else value
