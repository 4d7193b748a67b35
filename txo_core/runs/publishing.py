"""What a run shows of itself on Prefect's server: artifacts, variables, events and tags, all without secrets.

Prefect stores each of them in clear, some of them twice (once more as an event). Scripts publish through these
functions only; a contract test sees to it.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from prefect import artifacts, context, events
from prefect.variables import Variable

from txo_core.logs.clean_data import clean_data
from txo_core.redaction import redact
from txo_core.reports.markdown_text import inert


def publish_table(key: str, rows: Sequence[Mapping[str, Any]], description: str = "") -> None:
    """Show rows as a table at the present run. A key has lower-case letters, digits and hyphens.

    Prefect's UI reads cells as Markdown; what would be a picture, a link or HTML there is shown as text.
    """
    table = [inert(clean_data(dict(row))) for row in rows]
    artifacts.create_table_artifact(table=table, key=redact(key), description=redact(description) or None)


def publish_markdown(key: str, text: str, description: str = "", picture: str = "") -> None:
    """Show a text in Markdown at the present run; a picture, given as the text of an SVG, stands behind its first line.

    The picture travels in the text: one with an address would have to lie where every reader's browser may fetch it.
    """
    markdown = redact(text)
    if picture:
        drawn = b64encode(redact(picture).encode()).decode()
        first, _, rest = markdown.partition("\n")
        markdown = f"{first}\n\n![picture](data:image/svg+xml;base64,{drawn})\n{rest}"
    artifacts.create_markdown_artifact(markdown=markdown, key=redact(key), description=redact(description) or None)


def publish_link(key: str, link: str, text: str = "", description: str = "") -> None:
    """Show a link at the present run; one that carries a secret loses it."""
    artifacts.create_link_artifact(
        link=redact(link), link_text=redact(text) or None, key=redact(key), description=redact(description) or None
    )


def publish_image(key: str, link: str, description: str = "") -> None:
    """Show an image that lies at an address which everybody at the server can reach; a secret in it is masked."""
    artifacts.create_image_artifact(image_url=redact(link), key=redact(key), description=redact(description) or None)


def publish_progress(key: str, percent: float, description: str = "") -> Callable[[float], None]:
    """Show how far the present run has come, from 0 to 100, and return what moves it on: `move(60)`."""
    made: Any = artifacts.create_progress_artifact(
        progress=percent, key=redact(key), description=redact(description) or None
    )

    def move(percent: float) -> None:
        artifacts.update_progress_artifact(artifact_id=made, progress=percent)

    return move


def set_variable(name: str, value: Any) -> None:
    """Save a value under a name on the server, in place of the one that is there; never a secret."""
    cast(Any, Variable).set(redact(name), clean_data(value), overwrite=True)


def publish_event(event: str, resource: str, payload: Mapping[str, Any] | None = None) -> None:
    """Say that something happened to a resource: `publish_event("txo.report.saved", "txo.report.acme-prod")`."""
    named = {"prefect.resource.id": redact(resource)}
    events.emit_event(event=redact(event), resource=named, payload=clean_data(dict(payload or {})))


@contextmanager
def tagged(*tags: str) -> Iterator[None]:
    """Give the runs that begin meanwhile these tags."""
    with context.tags(*(redact(tag) for tag in tags)):
        yield
