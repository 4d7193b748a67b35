"""The REST client: JSON in, JSON out; all that can go wrong in between is the pipeline's business."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from txo_core.http.sessions import Sessions
from txo_core.odata.conditions import Conditions
from txo_core.rest.batch import BatchOptions, BatchResult, Item, run_batch
from txo_core.rest.caller import Caller, CallOptions, Headers, Params, parsed
from txo_core.rest.delta import Changes, changes_of
from txo_core.rest.entity_keys import Key
from txo_core.rest.lists import EntityOptions, ListOptions, get_odata_entities, paginate
from txo_core.rest.operations import Operation, resume, start
from txo_core.rest.option_names import known
from txo_core.rest.transfers import LONGEST_FILE, LONGEST_TRANSFER, OCTETS, download, upload
from txo_core.rest.writes import create_or_update
from txo_core.results import ItemResult
from txo_core.urls import join_url

DEFAULT_HEADERS = {"Accept": "application/json", "User-Agent": "txo"}


class RestClient:
    """Calls an API and returns its parsed JSON; `{}` for an empty body. Threads may share it.

    A URL is absolute, or relative to the base URL. All methods take `headers`, also sent with the polls of a long
    operation; `timeout` in seconds for one attempt; `idempotent`, whether a repeat does no harm; `idempotency_key`,
    which makes a write repeatable where the server honours it; `long_running=False` where a receipt is all that is
    wanted, True where the answer's `status` says how far an operation is. All raise the children of ApiError, and
    HelpfulError for what only a person can put right.
    """

    def __init__(
        self,
        sessions: Sessions,
        base_url: str | None = None,
        *,
        idempotency_header: str | None = None,
        on_close: Callable[[], None] | None = None,
        dry_run: bool = False,
    ) -> None:
        self.base_url = base_url
        self.dry_run = dry_run
        self._caller = Caller(sessions, base_url, idempotency_header)
        self._send = self._caller.send
        self._on_close = on_close or sessions.close

    def get(self, url: str, params: Params | None = None, **options: Unpack[CallOptions]) -> Any:
        """Return what is at the URL.

        Options: `headers`, `timeout`, `idempotent`, `idempotency_key`, `long_running`.
        """
        return parsed(self._send("GET", url, params=params, **known(self.get, options, CallOptions)))

    def post(self, url: str, json: Any = None, **options: Unpack[CallOptions]) -> Any:
        """Send something new; it is sent once only, unless the server cannot have acted on it.

        Options: `headers`, `timeout`, `idempotent`, `idempotency_key`, `long_running`.
        """
        return parsed(self._send("POST", url, json=json, **known(self.post, options, CallOptions)))

    def put(self, url: str, json: Any = None, **options: Unpack[CallOptions]) -> Any:
        """Put something in the place of what is at the URL.

        Options: `headers`, `timeout`, `idempotent`, `idempotency_key`, `long_running`.
        """
        return parsed(self._send("PUT", url, json=json, **known(self.put, options, CallOptions)))

    def patch(self, url: str, json: Any = None, etag: str | None = None, **options: Unpack[CallOptions]) -> Any:
        """Change what is at the URL; with the etag of a read only if nobody has changed it since (RFC 9110, 13.1.1).

        Options: `headers`, `timeout`, `idempotent`, `idempotency_key`, `long_running`.
        """
        return parsed(self._send("PATCH", url, json=json, etag=etag, **known(self.patch, options, CallOptions)))

    def delete(self, url: str, etag: str | None = None, **options: Unpack[CallOptions]) -> Any:
        """Delete what is at the URL; with the etag of a read only if nobody has changed it since.

        Options: `headers`, `timeout`, `idempotent`, `idempotency_key`, `long_running`.
        """
        return parsed(self._send("DELETE", url, etag=etag, **known(self.delete, options, CallOptions)))

    def paginate(
        self,
        url: str,
        params: Params | None = None,
        odata_filter: Conditions | str | None = None,
        **options: Unpack[ListOptions],
    ) -> Iterator[Any]:
        """Return the rows of a list, page by page as they are asked for; one whose pages show a gap is an error.

        Where pages show nothing, as a bare array does, they are believed; a round number of rows is then a warning.
        Next links are followed, unless `paging` names how else this API pages: `Offset(size=500)`, `Offset.odata()`,
        `PageNumber()`, `Cursor()`. `odata_filter` is conditions, as `build_odata_filter` takes them, or an expression.
        `workers` pages are read ahead in threads, `check_count` compares with the server's count, `resume` goes on with
        the page whose error had that `resume_token`, `allow_repeats` lets pages come that are alike; more in
        `txo_core.paginators.rows_of_pages`. Further options: `headers`, `timeout`, `idempotent`, `idempotency_key`,
        `long_running`.
        """
        return paginate(self._caller, url, params, odata_filter, **known(self.paginate, options, ListOptions))

    def get_odata_entities(
        self,
        entity: str,
        odata_filter: Conditions | str | None = None,
        select: str | Iterable[str] | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        **options: Unpack[EntityOptions],
    ) -> list[Any]:
        """Return the entities that the filter lets through, without their `@odata` annotations, all or none.

        The filter is conditions, as `build_odata_filter` takes them, or an expression as its author wrote it;
        `page_size` is a wish (the preference `odata.maxpagesize`), `limit` the most entities that are wanted (`$top`).
        Options: `orderby`, `expand`, `annotations`; `paging`, `check_count`, `workers`, `allow_repeats` as `paginate`
        takes them; `headers`, `timeout`, `idempotent`, `idempotency_key`, `long_running`.
        """
        checked = known(self.get_odata_entities, options, EntityOptions)
        return get_odata_entities(self._caller, entity, odata_filter, select, page_size, limit, **checked)

    def create_or_update(
        self, url: str, entity: Mapping[str, Any], key: Key, **options: Unpack[CallOptions]
    ) -> ItemResult:
        """Make the entity with this key so, and return what that took: `created`, `updated` or `unchanged`.

        `api.create_or_update("customers", {"no": "C0099", "city": "Oslo"}, key="no")`; `key` names the fields that tell
        one entity of the list from another, or gives their values. The entity is the result's `value`, what differed
        its `changes`. In a dry run the outcome is `would be created` or `would be updated`, and nothing is written.
        """
        checked = known(self.create_or_update, options, CallOptions)
        whole_url = join_url(self.base_url, url)
        return create_or_update(self._send, whole_url, entity, key, dry_run=self.dry_run, **checked)

    def download(
        self,
        url: str,
        path: str | Path,
        params: Params | None = None,
        *,
        max_bytes: int = LONGEST_FILE,
        total_timeout: float = LONGEST_TRANSFER,
        **options: Unpack[CallOptions],
    ) -> Path:
        """Save what is at the URL under the path, whole or not at all, and return the path."""
        limits: dict[str, Any] = {"max_bytes": max_bytes, "total_timeout": total_timeout}
        return download(self._send, url, path, params=params, **limits, **known(self.download, options, CallOptions))

    def upload(
        self,
        url: str,
        path: str | Path,
        method: str = "PUT",
        *,
        content_type: str = OCTETS,
        total_timeout: float = LONGEST_TRANSFER,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Send the file at the path, which is read while it is sent, and return what the API answers."""
        checked = known(self.upload, options, CallOptions)
        return upload(self._send, url, path, method, content_type, total_timeout=total_timeout, **checked)

    def start(self, method: str, url: str, json: Any = None, **options: Unpack[CallOptions]) -> Operation:
        """Begin what takes long and return it without waiting: `.result()` waits, `.token` is for `resume`."""
        return start(self._send, method, url, json, **known(self.start, options, CallOptions))

    def resume(self, token: str, headers: Headers | None = None) -> Any:
        """Wait for an operation that began elsewhere; `token` is `start(...).token` or an error's `resume_token`."""
        return resume(self._send, token, headers)

    def delta(
        self, url: str, params: Params | None = None, since: str | None = None, **options: Unpack[CallOptions]
    ) -> Changes:
        """Return the rows of a list with a link to later changes, or what has changed `since` such a link was given."""
        return changes_of(self._caller, url, params, since, **known(self.delta, options, CallOptions))

    def batch(
        self, requests: Iterable[Item], size: int = 20, atomic: bool = False, **options: Unpack[BatchOptions]
    ) -> BatchResult:
        """Send many requests in few, by `$batch`, and return what came back for each; see `txo_core.rest.batch`."""
        return run_batch(self._caller, requests, size=size, atomic=atomic, **known(self.batch, options, BatchOptions))

    def close(self) -> None:
        """Give the connections back; a client that shares them closes them with its last user."""
        if not self._caller.closed:
            self._caller.closed = True
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"
