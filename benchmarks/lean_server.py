"""A server that costs next to nothing: answers that are made before anybody asks, and a count of when they were.

Usage:
    python benchmarks/lean_server.py PORT

`/entity` is one customer; `/rows?$skip=N` a page of 500 of 20,000 rows, with a next link, `&wait=MS` later; `/short`
the same with four fields a row; `/arrivals` the moments at which `/entity` was asked for since the last time, in
seconds.
"""

import asyncio
import json
import sys
import time
from urllib.parse import parse_qs, urlsplit

ROWS, PAGE = 20_000, 500
ENTITY = {
    "@odata.etag": 'W/"JzE5O"',
    "id": "5d115c9c-44e3-ea11-bb43-000d3a2feca1",
    "no": "C0001",
    "name": "Made-up customer",
    "address": "Street 1",
    "city": "Oslo",
    "email": "someone@example.com",
    "blocked": False,
    "balance": 1234.5,
    "currencyCode": "NOK",
    "lastModified": "2026-01-01T00:00:00Z",
}


def answer(value: object) -> bytes:
    """Return a whole answer with the value as JSON."""
    body = json.dumps(value).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; odata.metadata=minimal\r\n"
        "Date: Sun, 22 Nov 2026 22:00:00 GMT\r\nrequest-id: 5d115c9c-44e3-ea11-bb43-000d3a2feca1\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def page(port: int, skip: int, fields: int) -> bytes:
    """Return one page of the rows."""
    row = dict(list(ENTITY.items())[:fields])
    rows = [row | {"no": f"C{number:05}"} for number in range(skip, min(skip + PAGE, ROWS))]
    value: dict[str, object] = {"@odata.count": ROWS, "value": rows}
    if skip + PAGE < ROWS:
        value["@odata.nextLink"] = f"http://127.0.0.1:{port}/rows?$skip={skip + PAGE}"
    return answer(value)


class Lean(asyncio.Protocol):
    """Answers by the first line of a request alone."""

    entity = answer(ENTITY)
    pages: dict[str, dict[int, bytes]]
    arrivals: list[float]
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer; all requests fit in one piece."""
        target = urlsplit(data.split(b" ", 2)[1].decode())
        if target.path in self.pages:
            query = parse_qs(target.query)
            body = self.pages[target.path].get(int(query.get("$skip", ["0"])[0]), answer({"value": []}))
            wait = int(query.get("wait", ["0"])[0]) / 1000
            if wait:
                asyncio.get_running_loop().call_later(wait, self.transport.write, body)
            else:
                self.transport.write(body)
        elif target.path == "/arrivals":
            self.transport.write(answer(self.arrivals))
            self.arrivals.clear()
        else:
            self.arrivals.append(time.monotonic())
            self.transport.write(self.entity)


async def main(port: int) -> None:
    """Serve until the process ends."""
    sizes = {"/rows": len(ENTITY), "/short": 4}
    Lean.pages = {path: {skip: page(port, skip, size) for skip in range(0, ROWS, PAGE)} for path, size in sizes.items()}
    Lean.arrivals = []
    server = await asyncio.get_running_loop().create_server(Lean, "127.0.0.1", port, backlog=512)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
