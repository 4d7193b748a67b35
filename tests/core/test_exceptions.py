"""The errors: one tree, one sentence each, and they travel between processes."""

import inspect
import pickle

import pytest

from txo_core import exceptions
from txo_core.exceptions import ApiError, ApiRateLimitError, HelpfulError, MissingKeyError, TxoError

ALL = [kind for _, kind in inspect.getmembers(exceptions, inspect.isclass) if issubclass(kind, TxoError)]


def test_a_helpful_error_reads_as_problem_solution_and_example() -> None:
    error = HelpfulError("The file is not there", "Create it", "cp a b")

    assert str(error) == "\n❌ Problem: The file is not there\n\n✅ Solution: Create it\n\n📝 Example:\ncp a b"


def test_what_a_helpful_error_does_not_have_is_left_out() -> None:
    assert str(HelpfulError("Only this")) == "\n❌ Problem: Only this"


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_each_error_pickles_with_all_that_it_carries(kind: type[TxoError]) -> None:
    error = kind("what happened")
    if isinstance(error, ApiError):
        error = kind("what happened", status_code=429, code="Slow", attempts=4, retry_after=7.5, retryable=True)  # type: ignore[call-arg]

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_each_error_stands_in_the_tree_that_the_module_draws(kind: type[TxoError]) -> None:
    assert exceptions.__doc__ is not None
    assert kind.__name__ in exceptions.__doc__


def test_a_missing_key_is_also_a_key_error_and_still_reads_well() -> None:
    error = MissingKeyError("There is no 'tenant-id'", "Add it", '"tenant-id": "..."')

    assert isinstance(error, KeyError)
    assert str(error).startswith("\n❌ Problem: There is no 'tenant-id'")


def test_a_rate_limit_error_says_when() -> None:
    assert ApiRateLimitError("too many", status_code=429, retry_after=3.0).retry_after == 3.0
