"""Many requests in one: JSON `$batch` (OData JSON Format 4.01, 19), where each part has a result of its own.

    result = api.batch([BatchRequest("PATCH", f"orders('{no}')", json=changes) for no in orders])
    for answer in result.failed:
        logger.warning("%s: %s", answer.request.url, answer.error)

Each part is judged as a call of its own would be: what is transient is sent again in a new batch, after the longest of
the waits that the server asks for, and only where a repeat does no harm. A part fails with the error that the call
alone would have raised; `batch` itself raises only for what cannot be sent, before anything is. A list is checked as a
whole, a generator is read batch by batch, and what it gives later that cannot be sent is an error of that part.

With `atomic`, or a common `group`, requests are a change set: done, and sent again, together or not at all. Business
Central wants the header instead: `api.batch(requests, atomic=True, headers={"Isolation": "snapshot"})`.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from requests import PreparedRequest

from txo_core.exceptions import ApiAuthenticationError, ApiError, CircuitOpenError, EntityNotFoundError, ValidationError
from txo_core.http.failures import repeatable
from txo_core.http.origins import address_of
from txo_core.http.policy import Attempt, Call, Timeout, attach, call_of
from txo_core.rest.batch_answers import entries_of, fail, recognise, settle, skip
from txo_core.rest.batch_parts import EXAMPLE, BatchAnswer, BatchRequest, BatchResult, Unit, units_of
from txo_core.rest.caller import Caller, Headers, parsed
from txo_core.urls import join_url

__all__ = ["BatchAnswer", "BatchOptions", "BatchRequest", "BatchResult", "Item", "run_batch"]

logger = logging.getLogger("txo_core.rest.batch")

Item = BatchRequest | Sequence[Any] | Mapping[str, Any]
"""A request of a batch, or its arguments."""

LARGEST_SIZE = 1000
FAILURES_IN_A_ROW = 2
HOPELESS = (ApiAuthenticationError, CircuitOpenError, EntityNotFoundError)
"""Failures of a batch that the next one would meet as well."""


class BatchOptions(TypedDict, total=False):
    """What `batch` takes beside its requests: the address where it is not `$batch` below the base URL, and so on."""

    url: str
    headers: Headers | None
    timeout: Timeout | None


def run_batch(
    caller: Caller, requests: Iterable[Item], size: int = 20, atomic: bool = False, **options: Unpack[BatchOptions]
) -> BatchResult:
    """Send the requests in batches of so many, and return what came back for each, in their order."""
    _check(requests, size)
    batch = Batch(caller, options, atomic)
    units: Iterable[Unit] = units_of(caller, batch.root, requests, size, atomic)
    if isinstance(requests, Sequence):
        units = list(units)
        _raise_refusals(units)
    done: list[BatchAnswer] = []
    try:
        for chunk in chunks(units, size):
            if not done:
                _raise_refusals(chunk)
            batch.send(chunk)
            done += [part.answer for unit in chunk for part in unit]
    except Exception as error:
        if done:
            error.add_note(f"{len(done)} requests of the batch had been answered before")
        raise
    result = BatchResult(done)
    if failed := result.failed:
        logger.warning("%d of %d requests of the batch failed, the first: %s", len(failed), len(done), failed[0].error)
    return result


def _check(requests: object, size: object) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST_SIZE:
        raise ValidationError(
            f"A batch of {size!r} requests cannot be sent",
            f"Give a whole number from 1 to {LARGEST_SIZE}: Graph takes 20, Business Central 100, Dataverse 1000",
            "api.batch(requests, size=100)",
        )
    if isinstance(requests, str | bytes | Mapping | BatchRequest) or not isinstance(requests, Iterable):
        raise ValidationError(f"A batch is made of requests, not of {type(requests).__name__}", "Give a list", EXAMPLE)


def _raise_refusals(units: Iterable[Unit]) -> None:
    for unit in units:
        for part in unit:
            if part.answer.error:
                raise part.answer.error


def chunks(units: Iterable[Unit], size: int) -> Iterator[list[Unit]]:
    """Yield the units of each batch: as many as fit, a change set never in two."""
    chunk: list[Unit] = []
    count = 0
    for unit in units:
        if chunk and count + len(unit) > size:
            yield chunk
            chunk, count = [], 0
        chunk.append(unit)
        count += len(unit)
        if count >= size:
            yield chunk
            chunk, count = [], 0
    if chunk:
        yield chunk


class Batch:
    """Sends batches, repeats the parts of each that may go well another time, and stops where that is hopeless."""

    def __init__(self, caller: Caller, options: BatchOptions, atomic: bool) -> None:
        self.url = join_url(caller.base_url, options.get("url", "$batch"))
        self.root = f"{self.url.partition('?')[0].rpartition('/')[0]}/"
        self._caller = caller
        self._retry = caller.retry
        preference = {} if atomic else {"Prefer": "odata.continue-on-error"}
        self._headers = {**preference, **(options.get("headers") or {})}
        self._in_isolation = any(str(name).lower() == "isolation" for name in self._headers)
        self._timeout = options.get("timeout")
        self._failures: list[ApiError] = []

    def send(self, units: list[Unit]) -> None:
        """Send the units until each has an answer that another attempt would not better."""
        pending = [unit for unit in units if not unit[0].answer.error]
        if self._is_hopeless():
            for unit in pending:
                skip(unit, self._failures[-1])
            return
        retry = self._retry
        deadline = retry.clock() + self._caller.total_timeout
        used = 0
        while pending:
            is_repeat = used > 0
            used += self._exchange(pending, deadline, first=not is_repeat)
            if is_repeat and not all(unit[0].again for unit in pending):
                retry.budget.succeeded(after=1)
            again = [unit for unit in pending if unit[0].again and _asked([unit]) <= retry.retry_after_cap]
            if not again or used > retry.max_retries or not self._wait(used, again, len(pending), deadline):
                return
            pending = again

    def _is_hopeless(self) -> bool:
        """Tell whether the last batch failed as a whole, in a way that the next one would, too."""
        failures = self._failures
        return len(failures) >= FAILURES_IN_A_ROW or (bool(failures) and isinstance(failures[-1], HOPELESS))

    def _wait(self, used: int, again: list[Unit], count: int, deadline: float) -> bool:
        """Wait as long as the most patient part asks for; False if the time, or the budget of repeats, is over."""
        outcome = f"{len(again)} of {count} need another attempt"
        history = [Attempt("POST", address_of(self.url), outcome, 0.0)]
        request = attach(PreparedRequest(), Call(deadline=deadline, history=history))
        return self._retry.wait(used - 1, _asked(again) or None, request)

    def _exchange(self, units: list[Unit], deadline: float, first: bool) -> int:
        """Send the units, settle each, and return how many requests that took.

        Where the first batch as a whole may be repeated, the pipeline does it. Later on it is the parts that are looked
        at one by one, so that none is attempted more often than a call of its own would be.
        """
        harmless = all(repeatable(part.prepared) for unit in units for part in unit)
        start = self._retry.clock()
        try:
            response = self._caller.send(
                "POST",
                self.url,
                json={"requests": list(self._wire(units))},
                headers=self._headers,
                timeout=self._timeout,
                total_timeout=max(deadline - start, 0.001),
                idempotent=first and harmless,
            )
            entries = entries_of(parsed(response), response)
        except ApiError as error:
            self._failures.append(error)
            for unit in units:
                fail(unit, error, self._retry.clock() - start)
            return max(1, error.attempts)
        self._failures.clear()
        for unit in units:
            settle(unit, entries, self._retry.clock() - start)
            if len(unit) == 1:
                recognise(unit[0], lambda url: parsed(self._caller.send("GET", url)))
        return max(1, call_of(response.request).attempts)

    def _wire(self, units: list[Unit]) -> Iterator[dict[str, Any]]:
        """Yield the parts as they go on the wire, numbered in this batch."""
        number = 0
        for unit in units:
            group = f"g{number + 1}"
            for part in unit:
                number += 1
                part.wire["id"] = str(number)
                if len(unit) > 1 and not self._in_isolation:
                    part.wire["atomicityGroup"] = group
                yield part.wire


def _asked(units: Iterable[Unit]) -> float:
    """Return the longest wait that the server asked for, 0 if it asked for none."""
    return max((part.asked or 0.0 for unit in units for part in unit), default=0.0)
