"""The seam to requests: an adapter that runs the policies, and reads the answer inside them."""

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import urllib3
from requests import PreparedRequest, Response, exceptions
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar
from requests.utils import get_encoding_from_headers, select_proxy
from urllib3.util import Timeout as Limits

from txo_core.clock import Clock, monotonic
from txo_core.http.body import body_of
from txo_core.http.decoding import decoder_for
from txo_core.http.failures import NETWORK_ERRORS, BodyTooLarge, DeadlinePassed, repeatable
from txo_core.http.headers import Headers
from txo_core.http.origins import origin_of, shown_origin
from txo_core.http.policy import CURRENT_OPTIONS, Call, Options, Policy, Sink, Timeout, attach, call_of, compose
from txo_core.http.timed_connection import ANSWER_TIME, timed

MEBIBYTE = 1024 * 1024
CHUNK = 64 * 1024
CONNECT_TIMEOUT = 10.0
POOL_SIZE = 100


ADAPTERS: "weakref.WeakSet[PolicyAdapter]" = weakref.WeakSet()


def _begin_anew() -> None:
    for adapter in list(ADAPTERS):
        adapter.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)


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
        self.policies = tuple(policies)
        self.pipeline = compose(policies, self._transmit)
        self._pools: dict[tuple[object, ...], urllib3.HTTPConnectionPool] = {}
        ADAPTERS.add(self)

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

    def begin_anew(self) -> None:
        """Forget the connections without closing them: after a fork they are those of the parent."""
        self._pools = {}
        self.proxy_manager = {}
        self.init_poolmanager(POOL_SIZE, POOL_SIZE)

    def close(self) -> None:
        """Close the connections; what is sent afterwards opens new ones."""
        self._pools.clear()
        super().close()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """Make the pools of connections; requests calls this."""
        super().init_poolmanager(*arguments, **named)
        timed(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **named: Any) -> urllib3.ProxyManager:
        """Return what makes connections through the proxy; requests calls this."""
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **named)
        timed(manager)
        return manager

    def _transmit(self, request: PreparedRequest) -> Response:
        """Send the request once; raises the exceptions of urllib3."""
        call = call_of(request)
        connect, read = self._limits(call)
        moves_file = call.options.sink is not None or hasattr(request.body, "read")
        until = call.deadline if moves_file else self.clock() + read
        ANSWER_TIME.until, ANSWER_TIME.once = until, not repeatable(request)
        body = body_of(request, call.deadline)
        pool, proxied = self._pool(request, call)
        headers = request.headers
        raw = pool.urlopen(
            request.method or "",
            (request.url if proxied else request.path_url) or "",
            body=body,
            headers=headers.plain() if isinstance(headers, Headers) else dict(headers),
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=Limits(connect=connect, read=read),
            chunked=request.body is not None and "Content-Length" not in headers,
            preload_content=False,
            decode_content=False,
        )
        response = self._response(request, raw)
        if not call.stream:
            self._read(response, until, call.options.sink)
        return response

    def _pool(self, request: PreparedRequest, call: Call) -> tuple[urllib3.HTTPConnectionPool, bool]:
        """Return the connections to the request's origin, and whether a proxy wants to see the whole URL."""
        url = request.url or ""
        proxy = select_proxy(url, call.proxies) if call.proxies else None
        key = (origin_of(url), call.verify, call.cert, proxy)
        pool = self._pools.get(key)
        if pool is None:
            found: Any = self.get_connection_with_tls_context(request, call.verify, call.proxies, call.cert)
            self.cert_verify(found, url, call.verify, call.cert)  # type: ignore[no-untyped-call]
            pool = self._pools[key] = found
        return pool, proxy is not None and url[:5].lower() == "http:"

    def _response(self, request: PreparedRequest, raw: urllib3.BaseHTTPResponse) -> Response:
        """Return the answer as requests has it; its cookies are looked at where there are some."""
        response = Response()
        response.status_code = raw.status
        response.headers = Headers(raw.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.raw = raw
        response.reason = raw.reason or ""
        response.url = request.url or ""
        response.request = request
        vars(response)["connection"] = self
        if "Set-Cookie" in response.headers:
            extract_cookies_to_jar(response.cookies, request, raw)  # type: ignore[no-untyped-call]
        return response

    def _limits(self, call: Call) -> tuple[float, float]:
        """Return the seconds for connecting and for the answer that the attempt and the whole call leave."""
        left = call.deadline - self.clock()
        if left <= 0:
            raise DeadlinePassed("the time for the whole call was over")
        timeout = self.timeout if call.timeout is None else call.timeout
        connect, read = timeout if isinstance(timeout, tuple) else (min(timeout, CONNECT_TIMEOUT), timeout)
        return min(connect, left), min(read, left)

    def _read(self, response: Response, until: float, sink: Sink | None) -> None:
        """Read the body here, where the policies still see how that ends: broken off, too long or too slow."""
        body = bytearray()
        most = self.max_body
        take: Callable[[bytes], object] = body.extend
        if sink is not None and response.status_code == 200:
            take, most = sink.begin(), sink.max_bytes
        size = 0
        try:
            for chunk in _chunks(response):
                size += len(chunk)
                if size > most:
                    raise BodyTooLarge(f"the answer of {shown_origin(response.url)} is longer than {_shown_size(most)}")
                take(chunk)
                if self.clock() > until:
                    raise exceptions.ReadTimeout("the body takes too long")
        except BaseException as error:
            response.close()
            # The status of a refusal says more than that its page broke off, or is badly packed.
            if response.status_code < 300 or not isinstance(error, NETWORK_ERRORS):
                raise
        # What `Response.content` would set: from here on the body is simply there.
        vars(response).update(_content=bytes(body), _content_consumed=True)


def _shown_size(size: int) -> str:
    return f"{size / MEBIBYTE:.0f} MiB" if size >= MEBIBYTE else f"{size} B"


def _chunks(response: Response) -> Iterator[bytes]:
    """Yield the body as it arrives: `iter_content` would wait for full chunks, however slowly they drip in."""
    raw, decoder = response.raw, decoder_for(response.headers.get("Content-Encoding", ""))
    while chunk := raw.read1(CHUNK, decode_content=False):
        yield from decoder.feed(chunk)
    decoder.finish()
    raw.release_conn()
