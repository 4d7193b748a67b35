"""What threads share of a client, and what each has of its own: one adapter, and a session with its cookies."""

import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from requests import PreparedRequest, Response, Session
from requests.cookies import extract_cookies_to_jar
from requests.utils import check_header_validity

from txo_core.http.headers import Headers
from txo_core.http.policy import Options, Timeout
from txo_core.http.transport import PolicyAdapter
from txo_core.redaction import register_secret

OUR_HEADERS = {"User-Agent": "txo", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
Body = bytes | Any
"""Bytes, or a file that is open for reading bytes."""
Certificate = tuple[str, str]
"""The paths of a certificate of our own and of its key."""


class Sessions:
    """One `requests.Session` for each thread, all on one adapter and its pool of connections.

    `proxy` is the URL of a proxy for all calls; `verify` is True for the public certificate authorities, the path of
    a file with others, or False; `certificate` is our own, for servers that ask for one. Of the environment nothing
    counts: no bundle of certificates, no proxy, no `.netrc`.
    """

    def __init__(
        self,
        adapter: PolicyAdapter,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        verify: bool | str = True,
        certificate: Certificate | None = None,
    ) -> None:
        self.adapter = adapter
        self._verify = verify
        self._certificate = certificate
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        register_secret(unquote(urlsplit(proxy or "").password or ""))
        self._headers = Headers(OUR_HEADERS | dict(headers or {}))
        self._local = threading.local()

    def current(self) -> Session:
        """Return the session of this thread."""
        session = getattr(self._local, "session", None)
        if not isinstance(session, Session):
            session = self._local.session = self._create()
        return session

    def prepare(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: Body | None = None
    ) -> PreparedRequest:
        """Return what `Session.prepare_request` would, at a third of its cost; raises what that raises.

        A body that is a file is sent from where it stands to its end.
        """
        session = self.current()
        request = PreparedRequest()
        request.method = method
        request.url = prepared_url(url)
        request.headers = self._merged(headers)
        request.body = body
        if isinstance(body, bytes):
            request.headers["Content-Length"] = str(len(body))
        elif body is not None:
            start = vars(request)["_body_position"] = body.tell()
            request.headers.setdefault("Content-Length", str(body.seek(0, 2) - start))
            body.seek(start)
        elif method not in ("GET", "HEAD"):
            request.headers["Content-Length"] = "0"
        vars(request)["_cookies"] = session.cookies
        if len(session.cookies):
            request.prepare_cookies(session.cookies)
        return request

    def send(
        self, request: PreparedRequest, *, timeout: Timeout | None = None, options: Options | None = None
    ) -> Response:
        """Return the final answer, as `Session.send` does; the cookies that came with it are kept for this thread."""
        session = self.current()
        response = self.adapter.send(
            request,
            timeout=timeout,
            verify=self._verify,
            cert=self._certificate,
            proxies=session.proxies,
            options=options,
        )
        if "Set-Cookie" in response.headers:
            extract_cookies_to_jar(session.cookies, response.request, response.raw)  # type: ignore[no-untyped-call]
        return response

    def close(self) -> None:
        """Close the connections."""
        self.adapter.close()

    def _merged(self, own: Mapping[str, str] | None) -> Headers:
        """Return the headers of the client with those of the call on top."""
        merged = self._headers.copy()
        for name, value in (own or {}).items():
            check_header_validity((name, value))
            merged[name] = value
        return merged

    def _create(self) -> Session:
        session = Session()
        session.trust_env = False
        session.verify = self._verify
        session.cert = self._certificate
        session.proxies.update(self._proxies)
        session.headers.update(self._headers)
        session.mount("https://", self.adapter)
        session.mount("http://", self.adapter)
        return session


@lru_cache(maxsize=1024)
def prepared_url(url: str) -> str:
    """Return the URL as it goes on the wire: checked, with an encoded host, path and query; InvalidURL if it cannot."""
    request = PreparedRequest()
    request.prepare_url(url, None)
    return request.url or ""
