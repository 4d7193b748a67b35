"""The seam to requests: an adapter that runs the policies, and reads the answer inside them."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from requests import PreparedRequest, Response, Session, exceptions
from requests.adapters import HTTPAdapter

from txo_core.clock import Clock, monotonic
from txo_core.http.failures import BodyTooLarge, DeadlinePassed
from txo_core.http.origins import shown_origin
from txo_core.http.policy import CURRENT_OPTIONS, Call, Options, Policy, Timeout, attach, call_of, compose

MEBIBYTE = 1024 * 1024
CHUNK = 64 * 1024
CONNECT_TIMEOUT = 10.0
POOL_SIZE = 50


class PolicyAdapter(HTTPAdapter):
    """An adapter for `requests.Session` whose every request goes through the policies.

    `timeout` is in seconds for one attempt, `total_timeout` for the whole call with its repeats and waits;
    `max_body` in bytes, after decompression. One adapter serves the sessions of many threads.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        *,
        timeout: float = 60.0,
        total_timeout: float = 300.0,
        max_body: int = 256 * MEBIBYTE,
        clock: Clock = monotonic,
    ) -> None:
        super().__init__(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=0)
        self.timeout = timeout
        self.total_timeout = total_timeout
        self.max_body = max_body
        self.clock = clock
        self.pipeline = compose(policies, self._transmit)

    def send(  # type: ignore[override]  # `options` is ours: extra arguments of Session.send arrive here
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Timeout | None = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
        options: Options | None = None,
    ) -> Response:
        """Return the final answer to the request, its body read; errors are those of the policies."""
        options = options or CURRENT_OPTIONS.get()
        deadline = self.clock() + (options.total_timeout or self.total_timeout)
        call = Call(options, deadline, timeout or self.timeout, stream, verify, cert, proxies)
        return self.pipeline(attach(request, call))

    def _transmit(self, request: PreparedRequest) -> Response:
        """Send the request once; raises the exceptions of requests."""
        call = call_of(request)
        connect, read = self._limits(call)
        until = self.clock() + read
        response = super().send(request, call.stream, (connect, read), call.verify, call.cert, call.proxies)
        if not call.stream:
            self._read(response, until)
        return response

    def _limits(self, call: Call) -> tuple[float, float]:
        """Return the seconds for connecting and for the answer that the attempt and the whole call leave."""
        left = call.deadline - self.clock()
        if left <= 0:
            raise DeadlinePassed("the time for the whole call is over")
        timeout = self.timeout if call.timeout is None else call.timeout
        connect, read = timeout if isinstance(timeout, tuple) else (min(timeout, CONNECT_TIMEOUT), timeout)
        return min(connect, left), min(read, left)

    def _read(self, response: Response, until: float) -> None:
        """Read the body here, where the policies still see how that ends: broken off, too long or too slow."""
        body = bytearray()
        try:
            for chunk in _chunks(response):
                body += chunk
                if len(body) > self.max_body:
                    limit = f"{self.max_body / MEBIBYTE:.0f} MiB" if self.max_body >= MEBIBYTE else f"{self.max_body} B"
                    raise BodyTooLarge(f"the answer of {shown_origin(response.url)} is longer than {limit}")
                if self.clock() > until:
                    raise exceptions.ReadTimeout("the body takes too long")
        except BaseException:
            response.close()
            raise
        # What `Response.content` would set: from here on the body is simply there.
        vars(response).update(_content=bytes(body), _content_consumed=True)


def _chunks(response: Response) -> Iterator[bytes]:
    """Yield the body as it arrives: `iter_content` would wait for full chunks, however slowly they drip in."""
    raw = response.raw
    while chunk := raw.read1(CHUNK, decode_content=True):
        yield chunk
    raw.release_conn()


class Sessions:
    """One `requests.Session` for each thread, all on one adapter and its pool of connections.

    `proxy` is the URL of a proxy for all calls. Of the environment only REQUESTS_CA_BUNDLE counts, a file of further
    certificates: no proxy variables, no `.netrc`.
    """

    def __init__(
        self, adapter: PolicyAdapter, proxy: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.adapter = adapter
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._headers = dict(headers or {})
        self._local = threading.local()

    def current(self) -> Session:
        """Return the session of this thread."""
        session = getattr(self._local, "session", None)
        if not isinstance(session, Session):
            session = self._local.session = self._create()
        return session

    def _create(self) -> Session:
        session = Session()
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        session.proxies.update(self._proxies)
        session.headers.update(self._headers)
        session.mount("https://", self.adapter)
        session.mount("http://", self.adapter)
        return session

    def close(self) -> None:
        """Close the connections."""
        self.adapter.close()
