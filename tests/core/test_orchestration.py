"""Our thin flow and task, without a server: what their functions give, and what they refuse."""

import base64
import lzma
import pickle
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from prefect.exceptions import Abort, PrefectException
from prefect.serializers import CompressedSerializer, PickleSerializer
from prefect.states import Failed

from txo_core.exceptions import ApiOperationError, ConfigurationError, FileOperationError, ScriptError
from txo_core.logs import scrubbing
from txo_core.logs.scrubbing import scrubbed, sentence
from txo_core.orchestration import flow, task
from txo_core.redaction import register_secret
from txo_core.results import ItemResult, ProcessingResults, skipped
from txo_core.runs import states
from txo_core.runs.result_storage import CleanJSONSerializer
from txo_core.runs.states import flow_guard, item_state, results_state, task_guard

SECRET = "sesame-opens-the-mountain"


def test_the_function_of_a_task_gives_plain_data() -> None:
    @task
    def fetch(item: str, config: Any) -> ItemResult:
        return skipped("gone")

    assert fetch.fn("a", None) == ItemResult("", "skipped", "gone")


def test_the_function_of_a_flow_gives_its_results() -> None:
    @flow(name="plain")
    def plain(org_id: str, env_type: str) -> ProcessingResults:
        return ProcessingResults.of([ItemResult("a", "failed", "400")])

    assert plain.fn("txo", "prod").failed == ["a"]


def test_our_defaults_leave_retries_caches_and_stored_results_off() -> None:
    @task
    def nothing() -> None: ...

    @flow(name="nothing")
    def nothing_flow(org_id: str, env_type: str) -> None: ...

    assert (nothing.retries, nothing.persist_result, nothing_flow.retries) == (0, False, 0)
    assert nothing.cache_policy.compute_key(None, {}, {}) is None  # type: ignore[arg-type]


def test_results_make_the_state_that_they_say() -> None:
    good = results_state(ProcessingResults.of([ItemResult("a", "ok")]))
    bad = results_state(ProcessingResults.of([ItemResult("a", "ok"), ItemResult("b", "failed", "400")]))

    assert (good.type, good.message) == ("COMPLETED", "1 ok")
    assert (bad.type, bad.message) == ("FAILED", "1 ok, 1 failed")


def test_a_skipped_item_is_completed_under_its_own_name() -> None:
    state = item_state(skipped("gone"), "fetch-a")

    assert (state.type, state.name, state.message) == ("COMPLETED", "Skipped", "gone")


def leak_of(error: BaseException) -> BaseException:
    """Return what leaves a task that raises the error."""

    @task
    def leak() -> None:
        raise error

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - which one it is, is what is asked
        leak.fn()
    return caught.value


class OwnText(Exception):
    def __str__(self) -> str:
        return f"own text {SECRET}"


class Bomb:
    went_off = False

    def __reduce__(self) -> Any:
        return (set_off, ())


def set_off() -> None:
    Bomb.went_off = True


class NoText(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def with_note(error: Exception) -> Exception:
    error.add_note(f"note {SECRET}")
    return error


LEAKS = [
    ValueError(f"plain {SECRET}"),
    ValueError({"nested": [SECRET]}, SECRET.encode()),
    with_note(ValueError("a note")),
    OwnText(),
    FileNotFoundError(2, "not there", f"/home/{SECRET}/x"),
    ExceptionGroup("group", [ValueError(SECRET), OSError(5, SECRET)]),
    BaseExceptionGroup("group", [SystemExit(SECRET)]),
    SystemExit(f"bye {SECRET}"),
    ApiOperationError(f"GET answered 400 to {SECRET}", code=SECRET, details=[SECRET]),
    ConfigurationError(f"wrong {SECRET}", f"not {SECRET}", SECRET),
]


@pytest.mark.parametrize("error", LEAKS, ids=lambda error: type(error).__name__)
def test_no_error_leaves_a_task_with_a_secret_in_it(error: BaseException) -> None:
    """Neither in its text, nor in what it holds, nor where Prefect pickles it."""
    register_secret(SECRET)

    left = leak_of(error)

    told = "".join(traceback.format_exception(left)) + repr(left.args) + repr(vars(left))
    assert SECRET not in "\n".join(line for line in told.splitlines() if not line.startswith("    "))
    assert SECRET.encode() not in pickle.dumps(left)
    assert isinstance(left, Exception)


def test_an_error_without_secrets_leaves_as_it_is() -> None:
    error = KeyError("missing")

    assert leak_of(error) is error


def test_where_an_error_came_from_is_told_without_secrets() -> None:
    register_secret(SECRET)
    error = ApiOperationError("outer")
    error.__cause__ = ValueError(f"inner {SECRET}")

    left = leak_of(error)

    assert left is error
    assert repr(left.__cause__) == "ValueError('inner [REDACTED]')"


def test_an_item_cannot_end_the_program() -> None:
    left = leak_of(SystemExit(0))

    assert isinstance(left, ScriptError)
    assert str(left) == "The script ended itself by SystemExit: 0"


@pytest.mark.parametrize(
    "signal", [KeyboardInterrupt(), Abort("stop"), GeneratorExit()], ids=lambda e: type(e).__name__
)
def test_ctrl_c_and_prefects_signals_pass(signal: BaseException) -> None:
    assert leak_of(signal) is signal


def test_an_error_of_prefects_is_cleaned_as_any_other() -> None:
    """S13: its server repeats in its answer what it was sent."""
    register_secret(SECRET)

    assert str(leak_of(PrefectException(f"422: {SECRET}"))) == "422: [REDACTED]"


def test_the_notes_and_the_causes_of_an_error_are_cleaned() -> None:
    """S13: as deep as they go."""
    register_secret(SECRET)
    error: Exception = ValueError("outer")
    for number in range(5):
        error.add_note(f"note {number} {SECRET}")
        inner, error = error, RuntimeError(f"level {number} {SECRET}", [SECRET])
        error.__cause__ = inner

    told = "".join(traceback.format_exception(leak_of(error)))

    assert SECRET not in "\n".join(line for line in told.splitlines() if not line.startswith("    "))


def test_an_error_that_cannot_be_shown_is_an_error_all_the_same() -> None:
    assert str(leak_of(NoText())) == "NoText: an error that cannot be shown"


def test_a_circle_of_errors_comes_to_an_end() -> None:
    one, two = ApiOperationError(f"a {SECRET}"), ValueError(f"b {SECRET}")
    one.__context__, two.__context__ = two, one

    assert scrubbed(one) is one


def test_a_state_made_by_hand_loses_its_secrets() -> None:
    register_secret(SECRET)

    @task
    def by_hand() -> Any:
        return Failed(name=f"n {SECRET}", message=f"m {SECRET}", data=ValueError(SECRET))

    state = by_hand.fn()

    assert (state.name, state.message) == ("n [REDACTED]", "m [REDACTED]")
    assert repr(state.data) == "ValueError('[REDACTED]')"


def test_the_name_of_a_run_holds_no_secret() -> None:
    """S15: whatever fills the template in, and whatever a function makes of it."""
    register_secret(SECRET)

    @task(task_run_name="fetch-{item}")
    def fetch(item: str) -> None: ...

    @flow(name="named", flow_run_name="{org_id}-{extra}")
    def named(org_id: str, env_type: str, extra: str = "") -> None: ...

    @task(task_run_name=lambda parameters: f"by-{parameters['item']}")
    def by_function(item: str) -> None: ...

    made = by_function.task_run_name
    assert cast(str, fetch.task_run_name).format(item=SECRET) == "fetch-[REDACTED]"
    assert cast(str, named.flow_run_name).format(org_id="a", extra=SECRET) == "a-[REDACTED]"
    assert cast(Any, made)(parameters={"item": SECRET}) == "by-[REDACTED]"
    assert cast(str, fetch.with_options(timeout_seconds=5).task_run_name).format(item=SECRET) == "fetch-[REDACTED]"


def test_tags_and_cache_keys_hold_no_secret() -> None:
    """S15: a cache key becomes the name of a file; two that differ stay two."""
    register_secret(SECRET)

    @task(tags=[f"by-{SECRET}"], cache_key_fn=lambda context, parameters: f"k-{parameters['item']}")
    def fetch(item: str) -> None: ...

    keys = [cast(Any, fetch).cache_key_fn(None, {"item": item}) for item in ("plain", SECRET, SECRET + "2")]
    assert fetch.tags == {"by-[REDACTED]"}
    assert keys[0] == "k-plain"
    assert len(set(keys)) == 3
    assert SECRET not in str(keys)


def test_the_names_of_what_is_run_and_the_keys_of_what_is_stored_hold_none() -> None:
    """S15: a key that had one becomes its hash, and stays the same key."""
    register_secret(SECRET)
    named = task(name=f"fetch-{SECRET}")(lambda: None)
    kept: Any = task(result_storage_key="rows-{parameters[customer]}")(lambda customer: None)

    assert named.name == "fetch-[REDACTED]"
    assert flow(name=f"report-{SECRET}")(made_by_nobody).name == "report-[REDACTED]"
    key = kept.result_storage_key.format(parameters={"customer": SECRET})
    assert key.startswith("sha256-")
    assert key == kept.with_options(retries=0).result_storage_key.format(parameters={"customer": SECRET})
    assert kept.result_storage_key.format(parameters={"customer": "C0001"}) == "rows-C0001"


def made_by_nobody(org_id: str, env_type: str) -> None:
    """Stand for a flow."""


def fails() -> None:
    raise ValueError(SECRET)


def ends() -> None:
    raise SystemExit(SECRET)


@pytest.mark.parametrize("function", [fails, ends, lambda: Failed(message=SECRET)], ids=["error", "end", "state"])
@pytest.mark.parametrize("guard", [flow_guard, task_guard])
def test_what_cannot_be_cleaned_does_not_leave(monkeypatch: pytest.MonkeyPatch, guard: Any, function: Any) -> None:
    """S2, S13: a redactor that fails says in its error what it failed on; neither that nor the first error leaves."""

    def broken(text: str) -> str:
        raise RuntimeError(f"cannot redact {text}")

    monkeypatch.setattr(scrubbing, "redact", broken)
    monkeypatch.setattr(states, "redact", broken)

    with pytest.raises(ScriptError) as told:
        guard(function)()

    assert str(told.value) == "[error withheld: redaction failed]"
    assert told.value.__cause__ is told.value.__context__ is None


@pytest.mark.parametrize("serializer", ["pickle", "json", "compressed/pickle", PickleSerializer()])
def test_results_are_stored_in_one_form_only(serializer: Any) -> None:
    """S14: as JSON without secrets."""
    with pytest.raises(ConfigurationError, match="stored as JSON without secrets"):
        task(result_serializer=serializer)(lambda: None)
    with pytest.raises(ConfigurationError, match="stored as JSON without secrets"):
        flow(name="x", result_serializer=serializer)(lambda: None)


def test_no_serializer_is_ours() -> None:
    """S14: Prefect would take the one of its settings."""
    assert task(result_serializer=None)(lambda: None).result_serializer == "txo-json"
    assert flow(name="x", result_serializer=None)(made_by_nobody).result_serializer == "txo-json"


def test_a_stored_pickle_is_not_loaded() -> None:
    """S14: whoever can write to the storage could run code in our process."""
    planted = PickleSerializer().dumps(Bomb())

    for serializer in (PickleSerializer(), CompressedSerializer(serializer=PickleSerializer())):
        blob = planted if isinstance(serializer, PickleSerializer) else base64.encodebytes(lzma.compress(planted))
        with pytest.raises(FileOperationError, match="is not loaded"):
            serializer.loads(blob)
    assert Bomb.went_off is False


def test_a_stored_result_is_what_it_was_but_for_secrets() -> None:
    """S11, S14: also the key of a dict and the text of an object; a Skipped item stays one."""
    register_secret(SECRET)
    serializer = CleanJSONSerializer()
    data = {
        "rows": [{"no": 1, "at": datetime(2026, 11, 22, tzinfo=UTC), "by": SECRET}],
        "password": "x-9-y-8",
        SECRET: None,
    }

    blob = serializer.dumps(data)

    assert SECRET.encode() not in blob
    again = serializer.loads(blob)
    assert again["rows"][0] | {"by": ""} == {"no": 1, "at": datetime(2026, 11, 22, tzinfo=UTC), "by": ""}
    assert again["password"] == "[REDACTED]"
    assert serializer.loads(serializer.dumps(skipped("gone"))) == skipped("gone")


def test_a_coroutine_or_a_generator_is_refused() -> None:
    async def coroutine() -> None: ...

    def generator() -> Iterator[int]:
        yield 1

    for function in (coroutine, generator):
        with pytest.raises(ConfigurationError, match="plain functions"):
            task(function)
        with pytest.raises(ConfigurationError, match="plain functions"):
            flow(name="x")(function)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigurationError("No block", "Save it", "provision"), "No block"),
        (ApiOperationError("GET /x answered 400"), "GET /x answered 400"),
        (ValueError("two\nlines"), "ValueError: two"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_in_one_sentence(error: Exception, said: str) -> None:
    assert sentence(error) == said
