"""Small resources for looking at requests: echo, redirects, and the page that lists what there is."""

from __future__ import annotations

import hashlib
import html
import json

from starlette.routing import Route

from . import constants
from .errors import bad_request
from .exchange import Answer, Exchange, json_answer, text_answer
from .exports import shown_headers
from .operations import HEADER_VALUE, choice
from .routing import EVERY_METHOD, route
from .state import SandboxState

LARGEST_FILE = 128 * 1024 * 1024
REDIRECTS = ("302", "301", "303", "307", "308")
RESOURCES = (
    ("/api/v1/customers", "42 customers, 20 a page; also orders and items. OData: $filter, $select, $orderby, ..."),
    ("/api/v1/customers('C0001')", "one customer with all properties"),
    ("/api/v1/$batch", "POST many requests in one"),
    ("/api/v1/exports", "POST: a long-running operation, 202 and polling"),
    ("/api/v1/provisioned/my-resource", "PUT: a resource that is provisioned while you poll it"),
    ("/api/v1/paging/link", "the orders in other paging styles: link, cursor, offset, page; and in bad ones"),
    ("/api/v1/redirect?to=/echo&status=302", "a redirect"),
    ("/oauth/token", "POST: OAuth 2.0 client credentials"),
    ("/soap/customers?wsdl", "the customers as a SOAP 1.1 service"),
    ("/api/v1/attachments/offer.pdf", "PUT: takes a file"),
    ("/echo", "what you sent"),
    ("/files/1000000", "a file of so many bytes; /files/1000000/sha256 is its checksum"),
    ("/stats?format=html", "what arrived here"),
    ("/admin/faults", "faults on demand; also a request header X-Sandbox-Fault or ?fault=status=503"),
)
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:sans-serif;margin:2em;max-width:60em}}td{{padding:.2em 1em .2em 0;vertical-align:top}}</style>
</head><body><h1>{title}</h1>{body}</body></html>"""


class Tools:
    """`/`, `/health`, `/echo`, `/anything`, `/cookie`, `/files/{size}` and `/api/v1/redirect`."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """All routes of the tools."""
        return [
            route("/", self.index),
            route("/health", self.health),
            route("/echo", self.echo, *EVERY_METHOD),
            route("/anything", self.echo, *EVERY_METHOD),
            route("/cookie", self.cookie),
            route("/api/v1/attachments/{name}", self.attach, "PUT", "POST"),
            route("/files/{size:int}", self.file),
            route("/files/{size:int}/sha256", self.checksum),
            route("/api/v1/redirect", self.redirect, *EVERY_METHOD),
        ]

    def index(self, exchange: Exchange) -> Answer:
        """A page for people."""
        credentials = (
            f"Client <code>{constants.CLIENT_ID}</code> with <code>{constants.CLIENT_SECRET}</code>, "
            f"or <code>X-Api-Key: {constants.API_KEY}</code>, "
            f"or user <code>{constants.USERNAME}</code> with <code>{constants.PASSWORD}</code>. All made up."
        )
        body = f"<p>A made-up ERP to play with.</p><p>{credentials}</p>{table(RESOURCES)}"
        return html_page("TXO sandbox", body)

    def health(self, exchange: Exchange) -> Answer:
        """That the sandbox is up."""
        return json_answer(200, {"status": "ok"})

    def echo(self, exchange: Exchange) -> Answer:
        """Method, path, query, headers and body; of credentials the fingerprints only."""
        body = exchange.body.decode("utf-8", "replace")
        try:
            parsed = json.loads(exchange.body) if exchange.body else None
        except ValueError:
            parsed = None
        return json_answer(
            200,
            {
                "method": exchange.method,
                "path": exchange.path,
                "query": exchange.query,
                "headers": shown_headers(exchange),
                "body": body,
                "json": parsed,
            },
        )

    def attach(self, exchange: Exchange, name: str) -> Answer:
        """Takes a file, and says what came."""
        self.state.stats.wrote("attachments", exchange.method, name)
        checksum = hashlib.sha256(exchange.body).hexdigest()
        return json_answer(201, {"name": name, "size": len(exchange.body), "sha256": checksum})

    def cookie(self, exchange: Exchange) -> Answer:
        """Sets the cookie `session` to `?set=`."""
        value = exchange.parameter("set") or "1"
        if not value.replace("-", "").isalnum():
            raise bad_request("A cookie has letters, digits and hyphens here.", "set")
        return json_answer(200, {}, {"Set-Cookie": f"session={value}; Path=/"})

    def file(self, exchange: Exchange, size: int) -> Answer:
        """A file of so many bytes, always the same ones."""
        if size > LARGEST_FILE:
            raise bad_request(f"A file has at most {LARGEST_FILE} bytes here.", "size")
        return text_answer(200, "", "application/octet-stream").with_body(content(size))

    def checksum(self, exchange: Exchange, size: int) -> Answer:
        """The sha256 of that file."""
        return json_answer(200, {"sha256": hashlib.sha256(content(min(size, LARGEST_FILE))).hexdigest()})

    def redirect(self, exchange: Exchange) -> Answer:
        """A redirect to `?to=` with `?status=`."""
        to = exchange.parameter("to")
        if not to or not HEADER_VALUE.fullmatch(to):
            raise bad_request("Say with ?to= where to redirect.", "to")
        return Answer(
            int(choice(exchange, "status", REDIRECTS)), ((b"location", to.encode()), (b"content-length", b"0"))
        )


def content(size: int) -> bytes:
    """So many bytes, of all values."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def table(rows: tuple[tuple[str, object], ...]) -> str:
    """Two columns as HTML."""
    cells = "".join(
        f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(str(value))}</td></tr>" for name, value in rows
    )
    return f"<table>{cells}</table>"


def html_page(title: str, body: str) -> Answer:
    """A page with this body."""
    return text_answer(200, PAGE.format(title=title, body=body), "text/html; charset=utf-8")
