"""The parts of a batch: what a script asks for, how that goes on the wire, and what came back for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from requests import PreparedRequest, RequestException

from txo_core.exceptions import ConfigurationError, HelpfulError, TxoError, ValidationError
from txo_core.http.headers import Headers as HeaderDict
from txo_core.http.origins import origin_of, shown_origin
from txo_core.http.policy import Call, Options, attach
from txo_core.http.sessions import prepared_url
from txo_core.rest.arguments import encoded
from txo_core.rest.caller import Caller, Headers, Params
from txo_core.urls import join_url, with_query

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
EXAMPLE = 'api.batch([BatchRequest("GET", "customers/C0001"), BatchRequest("PATCH", url, json=changes, etag=etag)])'


@dataclass(frozen=True)
class BatchRequest:
    """One request of a batch. The arguments are those of the client's methods.

    Parts that follow one another with the same `group` are a change set: the server does all of them or none.
    """

    method: str
    url: str
    json: Any = None
    params: Params | None = None
    etag: str | None = None
    headers: Headers | None = None
    idempotent: bool | None = None
    idempotency_key: str | None = None
    group: str | None = None

    @classmethod
    def of(cls, item: object) -> Self:
        """Return a request as it is, or one made of a tuple or a dictionary with the arguments."""
        try:
            if isinstance(item, Mapping):
                item = cls(**item)
            elif isinstance(item, tuple | list):
                item = cls(*item)
        except TypeError:
            item = None
        if isinstance(item, cls):
            return item
        raise ValidationError("It is no request of a batch", "Give BatchRequest, or a tuple of its arguments", EXAMPLE)


@dataclass(frozen=True)
class BatchAnswer:
    """What came back for one request: status, headers and parsed body, and the error if it failed.

    The error is the one that the call alone would have raised. `status` is None where no answer came.
    """

    request: BatchRequest
    status: int | None = None
    headers: Headers = field(default_factory=dict)
    body: Any = None
    error: TxoError | None = None

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.error is None


class BatchResult(tuple[BatchAnswer, ...]):
    """The answers, in the order of the requests."""

    __slots__ = ()

    @property
    def failed(self) -> list[BatchAnswer]:
        """The answers with an error."""
        return [answer for answer in self if answer.error is not None]

    @property
    def ok(self) -> bool:
        """Whether all parts succeeded."""
        return not self.failed

    def require_ok(self) -> Self:
        """Return the answers if all succeeded; raises the first error otherwise."""
        for answer in self:
            if answer.error is not None:
                raise answer.error
        return self


@dataclass(slots=True, eq=False)
class Part:
    """One request on its way: prepared as a call of its own, so that the rules of single calls hold for it.

    `again` says that another attempt may help and does no harm, `asked` how many seconds the server wants us to wait.
    """

    request: BatchRequest
    prepared: PreparedRequest
    wire: dict[str, Any]
    answer: BatchAnswer
    again: bool = False
    asked: float | None = None


Unit = list[Part]
"""A part, or the parts of one change set: what is sent, and sent again, together."""


def prepared_part(caller: Caller, root: str, item: object, number: int) -> Part:
    """Return the part ready to go; a HelpfulError says which one cannot be sent, and why."""
    problem: HelpfulError
    try:
        return _prepared(caller, root, BatchRequest.of(item))
    except HelpfulError as error:
        problem = error
    text = f"Part {number} of the batch cannot be sent: {problem.what_went_wrong}"
    raise type(problem)(text, problem.how_to_fix, problem.example)


def _prepared(caller: Caller, root: str, request: BatchRequest) -> Part:
    method = request.method.upper() if isinstance(request.method, str) else ""
    if method not in METHODS or not isinstance(request.url, str) or not request.url:
        raise ValidationError("Its method or URL is none", f"Methods are {', '.join(sorted(METHODS))}", EXAMPLE)
    if not isinstance(request.group, str | None):
        raise ValidationError("Its group is no text", "Give all parts of a change set the same name", EXAMPLE)
    url = _checked_url(with_query(join_url(caller.base_url, request.url), request.params), root)
    _check_headers(request.headers or {})
    headers = HeaderDict(request.headers or {})
    body = None
    if request.json is not None:
        body = encoded(request.json)
        headers.setdefault("Content-Type", "application/json")
    if request.etag is not None:
        headers["If-Match"] = request.etag
        _check_headers(headers)
    said = request.idempotent
    keyed = caller.keys.add(headers, request.idempotency_key, method=method, url=url, body=body, idempotent=said)
    prepared = PreparedRequest()
    prepared.method, prepared.url, prepared.body = method, url, body
    prepared.headers = headers.copy()
    attach(prepared, Call(Options(True if keyed and said is None else said, keyed=keyed)))
    wire: dict[str, Any] = {"method": method, "url": relative_url(url, root)}
    if headers:
        wire["headers"] = headers.plain()
    if body is not None:
        wire["body"] = request.json
    return Part(request, prepared, wire, BatchAnswer(request))


def _checked_url(url: str, root: str) -> str:
    """Return the URL as it goes on the wire; a batch goes to one server, which is not to call another for us."""
    try:
        url, root = prepared_url(url).partition("#")[0], prepared_url(root)
    except RequestException:
        url = ""
    if not url:
        raise ValidationError("Its URL is malformed", "Use a path below the address of the API", EXAMPLE)
    if origin_of(url) != origin_of(root):
        raise ConfigurationError(
            f"It leads to {shown_origin(url)}, and the batch to {shown_origin(root)}; nothing of it was sent",
            "A batch holds requests to its own server only: call the other one by itself",
            "api.get(url)",
        )
    return url


def _check_headers(headers: Mapping[Any, Any]) -> None:
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str) or not (name + value).isascii():
            raise ValidationError("One of its headers is not plain text", "Give texts of ASCII characters", EXAMPLE)
        if name.lower() == "host" or not (name + value).isprintable():
            raise ValidationError("One of its headers cannot be sent", "Leave out Host and line breaks", EXAMPLE)


def relative_url(url: str, root: str) -> str:
    """Return the URL relative to the service root, without a slash at its beginning (OData JSON 4.01, 19.1).

    That form is understood by all: with a slash, it is relative to the host for OData, to the service for Graph.
    """
    root = prepared_url(root)
    if not url.startswith(root) or url == root:
        return url
    first, slash, rest = url.removeprefix(root).partition("/")
    path, mark, query = first.partition("?")
    # A colon in the first segment would make a scheme of what stands before it (RFC 3986, 4.2).
    return f"{path.replace(':', '%3A')}{mark}{query}{slash}{rest}"


def units_of(caller: Caller, root: str, requests: Any, size: int, atomic: bool) -> Iterator[Unit]:
    """Yield the parts, those of a change set together; one that cannot be sent carries its HelpfulError."""
    unit: Unit = []
    for number, item in enumerate(requests, start=1):
        part = _part_or_refusal(caller, root, item, number)
        group = part.request.group
        if unit and not (atomic or unit[0].request.group == group):
            yield _checked_unit(unit, size)
            unit = []
        if atomic or group is not None:
            unit.append(part)
        else:
            yield [part]
    if unit:
        yield _checked_unit(unit, size)


def _part_or_refusal(caller: Caller, root: str, item: object, number: int) -> Part:
    try:
        return prepared_part(caller, root, item, number)
    except HelpfulError as error:
        request = item if isinstance(item, BatchRequest) else BatchRequest("", "")
        return Part(request, PreparedRequest(), {}, BatchAnswer(request, error=error))


def _checked_unit(unit: Unit, size: int) -> Unit:
    """Return the unit; where one of its parts cannot be sent, none is."""
    refusal = next((part.answer.error for part in unit if part.answer.error), None)
    if len(unit) > size and refusal is None:
        refusal = ValidationError(
            f"A change set of {len(unit)} requests does not fit into a batch of {size}",
            "Give a larger size if the server takes it, or fewer requests at once: they are done whole or not at all",
            "api.batch(requests, size=100, atomic=True)",
        )
    for part in unit if refusal else ():
        part.answer = BatchAnswer(part.request, error=part.answer.error or refusal)
    return unit
