"""What a reason says to a person who knows neither HTTP nor Python."""

from typing import Any

import pytest

from tests.support.scripted import ScriptedTransport, prepared
from txo_core.exceptions import ApiError, ValidationError
from txo_core.http.errors import ErrorMapping
from txo_core.http.policy import compose
from txo_core.logs.scrubbing import sentence
from txo_core.redaction import register_secret
from txo_core.reports.reasons import LOOK_FIRST, NO_ANSWER, SERVER_TROUBLE, Remark, common_reasons, remark_of
from txo_core.results import ItemResult

LOCKED = {"error": {"code": "RecordLocked", "message": "The customer card is locked: ask finance."}}
CALL = "GET https://api.example.com/v1/customers"


def remark(reason: str, key: str = "C1") -> Remark:
    return remark_of(ItemResult(key, "failed", reason))


def of_answer(*answer: Any) -> Remark:
    """Return the remark on an item whose call got this answer."""
    try:
        compose([ErrorMapping()], ScriptedTransport(answer if len(answer) > 1 else answer[0]))(prepared())
    except ApiError as error:
        return remark(sentence(error))
    raise AssertionError("no error")


ANSWERS: list[tuple[tuple[Any, ...], tuple[str, str, str]]] = [
    (
        (400, {}, LOCKED),
        (
            "The customer card is locked: ask finance.",
            "Put right what the reason names, then run it again",
            f"{CALL} → 400, RecordLocked",
        ),
    ),
    ((404,), ("The API does not know it", "Nothing, if it was removed on purpose", f"{CALL} → 404")),
    ((503,), ("The API was not available", SERVER_TROUBLE, f"{CALL} → 503")),
    ((500, {}, "Something broke"), ("Something broke", SERVER_TROUBLE, f"{CALL} → 500")),
    ((418,), ("The API answered 418", "Put right what the reason names, then run it again", f"{CALL} → 418")),
    (
        (403,),
        (
            "the credentials are accepted, but may not do this",
            "Ask the API's owner to allow this for the credentials",
            f"{CALL} → 403",
        ),
    ),
    (
        (ConnectionResetError(),),
        ("https://api.example.com closed the connection without an answer", NO_ANSWER, CALL),
    ),
]


@pytest.mark.parametrize(("answer", "said"), ANSWERS, ids=[str(answer[0]) for answer, _ in ANSWERS])
def test_an_apis_refusal_is_told_by_what_it_means(answer: tuple[Any, ...], said: tuple[str, str, str]) -> None:
    """First the sentence of the server, or ours where it said nothing; the call stands apart."""
    found = of_answer(*answer)

    reason, advice, call = said
    assert (found.reason.lower(), found.advice, found.call) == (reason.lower(), advice, call)


def test_the_words_of_the_log_do_not_stand_in_the_reason() -> None:
    """A context in brackets, a status with its phrase, and how often it was tried."""
    reason = f"[customers:C13] {CALL}/C13 answered 404 Not Found: NoSuch: There is no C13. (2 attempts)"

    assert remark(reason, "C13") == Remark(
        "C13",
        "failed",
        "There is no C13.",
        "Nothing, if it was removed on purpose",
        f"{CALL}/C13 → 404 Not Found, NoSuch (2 attempts)",
    )


@pytest.mark.parametrize(
    "reason",
    [
        "POST https://a.example/orders failed: no answer in time; the server may have done it all the same, so",
        "POST https://api.example.com/orders answered 500 Internal Server Error: Something broke",
        "It was still running when the time for all items was over; it may have taken effect all the same",
    ],
)
def test_nobody_is_told_to_repeat_blindly_what_may_have_been_done(reason: str) -> None:
    """A second order would be worse than none."""
    assert remark(reason).advice == LOOK_FIRST


def test_an_error_of_ours_brings_its_own_advice() -> None:
    problem = ValidationError("The e-mail is missing", "Add it on the card", "a@b.example")

    assert remark(str(problem)) == Remark("C1", "failed", "The e-mail is missing", "Add it on the card")


def test_a_mistake_of_the_script_is_told_as_that() -> None:
    found = remark("KeyError: 'no'")

    assert found.reason == "The script could not handle this item: KeyError: 'no'"
    assert found.advice.startswith("Tell who looks after the script")


@pytest.mark.parametrize("reason", ["gone", "Balance is 0: nothing to send", "It answered: no", "GET it answered"])
def test_a_reason_in_a_scripts_own_words_stays_as_it_is(reason: str) -> None:
    assert remark(reason) == Remark("C1", "failed", reason)


def test_no_reason_is_told_as_that() -> None:
    assert remark("").reason == "No reason was given"


def test_no_reason_holds_a_secret() -> None:
    """A known one nowhere, what looks like one not in the reason; the key is the item's own."""
    register_secret("sesame-opens-the-mountain")
    key = "da39a3ee5e6b4b0d3255bfef95601890afd80709a1b2c3"

    found = remark("client_secret=abcdef123456 sesame-opens-the-mountain", f"{key} sesame-opens-the-mountain")

    assert (found.key, found.reason) == (f"{key} [REDACTED]", "client_secret=[REDACTED] [REDACTED]")


def test_reasons_that_differ_in_key_and_numbers_only_are_one() -> None:
    remarks = [remark(f"The e-mail of C{n:03d} is missing", f"C{n:03d}") for n in range(40)]
    remarks += [remark(f"Request {n} timed out", f"D{n}") for n in range(50)]
    remarks += [remark("Locked since 22:14")] * 3

    assert common_reasons(remarks, 5) == [
        (50, "failed", "Request … timed out"),
        (40, "failed", "The e-mail of … is missing"),
        (3, "failed", "Locked since 22:14"),
    ]
    assert len(common_reasons(remarks, 2)) == 2
    assert common_reasons([remark("There is no C1", "C1")], 2) == [(1, "failed", "There is no C1")]


def test_a_long_text_of_others_is_read_in_no_time() -> None:
    """Linear, whatever an API sends."""
    assert remark(f"{CALL} answered 400 " + "a - " * 20_000).reason
    assert remark(f"{CALL} failed: " + " (1 attempts" * 20_000).reason
