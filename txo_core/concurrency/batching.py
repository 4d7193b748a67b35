"""Items in batches: lists of a size, and what came of each item of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from txo_core.concurrency.dispatcher import Tally
from txo_core.concurrency.result import ParallelResult, Unread
from txo_core.exceptions import ValidationError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a batch gave: its values, the items that failed, and how many went well."""

    values: Sequence[Any]
    failed: Sequence[tuple[Any, Exception]]
    done: int


def taken_apart(batch: Sequence[Any], returned: Any) -> BatchOutcome:
    """Return the outcome of a batch from what its function returned."""
    if not isinstance(returned, list | tuple):
        return BatchOutcome([returned], [], len(batch))
    failed = [entry for entry in returned if isinstance(entry, Exception)]
    if not failed:
        return BatchOutcome(returned, [], len(batch))
    if len(returned) != len(batch):
        problem = f"The batch of {len(batch)} items returned {len(returned)} entries with {len(failed)} errors in them"
        raise ValidationError(problem, "Return one entry for each item, or raise the error") from failed[0]
    pairs = list(zip(batch, returned, strict=True))
    values = [value for _, value in pairs if not isinstance(value, Exception)]
    return BatchOutcome(values, [(i, e) for i, e in pairs if isinstance(e, Exception)], len(values))


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
    done = 0
    for place in sorted({*tally.values, *tally.failed, *tally.skipped}):
        so_far = done + len(failed) + len(skipped)
        if place in tally.values:
            outcome: BatchOutcome = tally.values[place]
            successful += outcome.values
            failed += outcome.failed
            done += outcome.done
        elif place in tally.failed:
            batch, error = tally.failed[place]
            failed += [(item, error) for item in items_of(batch, so_far)]
        else:
            skipped += items_of(tally.skipped[place], so_far)
    return ParallelResult(successful, failed, skipped, tally.seconds, tally.stopped_by, done)


def items_of(batch: Sequence[Any] | Unread, so_far: int) -> Sequence[Any]:
    """Return the items of a batch; those that were not read are told by the number of items before them."""
    return [Unread(so_far)] if isinstance(batch, Unread) else batch
