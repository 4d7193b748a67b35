"""Items in batches: lists of a size, and what came of each item of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from txo_core.concurrency.dispatcher import Tally
from txo_core.concurrency.result import ParallelResult, Unread, failure_in, not_applicable
from txo_core.exceptions import ValidationError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a batch gave: its values, how many items went well, those that failed, and those that do not apply."""

    values: Sequence[Any]
    done: int
    failed: Sequence[tuple[Any, Exception]] = ()
    reasons: Sequence[tuple[Any, str]] = ()


def taken_apart(batch: Sequence[Any], returned: Any) -> BatchOutcome:
    """Return the outcome of a batch from what its function returned."""
    whole = not isinstance(returned, list | tuple)
    entries = [returned] * len(batch) if whole and _is_remark(returned) else returned
    if whole and entries is returned:
        return BatchOutcome([returned], len(batch))
    remarks = [entry for entry in entries if _is_remark(entry)]
    if not remarks:
        return BatchOutcome(entries, len(batch))
    if len(batch) != len(entries):
        problem = f"The batch of {len(batch)} items returned {len(entries)} entries with {len(remarks)} errors in them"
        error = next((remark for remark in remarks if isinstance(remark, Exception)), None)
        raise ValidationError(problem, "Return one entry for each item, or raise the error") from error
    return _by_item(list(zip(batch, entries, strict=True)))


def _is_remark(entry: Any) -> bool:
    """Tell whether an entry says of its item that it failed or does not apply."""
    return _error_in(entry) is not None or not_applicable(entry)


def _error_in(entry: Any) -> Exception | None:
    return entry if isinstance(entry, Exception) else failure_in(entry)


def _by_item(pairs: Sequence[tuple[Any, Any]]) -> BatchOutcome:
    failed = [(item, error) for item, entry in pairs if (error := _error_in(entry)) is not None]
    reasons = [(item, entry.reason) for item, entry in pairs if not_applicable(entry)]
    values = [entry for _, entry in pairs if not _is_remark(entry)]
    return BatchOutcome(values, len(values), failed, reasons)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items, the last one shorter; what was read before the input breaks off comes first."""
    source, broken = iter(items), None
    while broken is None:
        batch: list[T] = []
        try:
            while len(batch) < size:
                batch.append(next(source))
        except StopIteration:
            yield from [batch] if batch else []
            return
        except Exception as error:
            broken = error
        if batch:
            yield batch
    raise broken


def result_of_batches(tally: Tally) -> ParallelResult[Any, Any]:
    """Return the result of the single items, whose batches the tally holds."""
    successful: list[Any] = []
    failed: list[tuple[Any, Exception]] = []
    skipped: list[Any] = []
    reasons: list[tuple[Any, str]] = []
    done = 0
    for place in sorted({*tally.values, *tally.failed, *tally.skipped}):
        so_far = done + len(failed) + len(skipped)
        if place in tally.values:
            outcome: BatchOutcome = tally.values[place]
            successful += outcome.values
            failed += outcome.failed
            reasons += outcome.reasons
            skipped += [item for item, _ in outcome.reasons]
            done += outcome.done
        elif place in tally.failed:
            batch, error = tally.failed[place]
            failed += [(item, error) for item in items_of(batch, so_far)]
        else:
            skipped += items_of(tally.skipped[place], so_far)
    return ParallelResult(successful, failed, skipped, tally.seconds, tally.stopped_by, done, reasons)


def items_of(batch: Sequence[Any] | Unread, so_far: int) -> Sequence[Any]:
    """Return the items of a batch; those that were not read are told by the number of items before them."""
    return [Unread(so_far)] if isinstance(batch, Unread) else batch
