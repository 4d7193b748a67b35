"""What a reason says to a person: what happened, what to do, and, apart from it, which call it was."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from txo_core.redaction import redact, redact_known
from txo_core.results import ItemResult

CALL = re.compile(
    r"""(?:\[[^\]\n]*\]\ )?(?P<call>[A-Z]+\ \S+://\S+)\ (?P<verb>answered|failed:)\ (?P<said>.*?)
    (?P<tries>\ \(\d+\ attempts\))?""",
    re.DOTALL | re.VERBOSE,
)
STATUS = re.compile(
    r"(?P<status>(?P<number>\d{3})(?: [\w' -]+)?)(?:: (?:(?P<code>[\w.-]+): )?(?P<message>.+))?", re.DOTALL
)
MISTAKE = re.compile(r"[A-Z]\w*(?:Error|Exception)(?:: .*)?", re.DOTALL)
DOUBT = re.compile(r"\bmay have (?:done|been done|taken effect)\b")
UNSAFE = ("POST ", "PATCH ")
PROBLEM, SOLUTION, EXAMPLE = "❌ Problem: ", "✅ Solution: ", "📝 Example:"

NO_REASON = "No reason was given"
NO_ANSWER = "Run it again; if it stays, check the network, and that the API is up"
IN_SCRIPT = "Tell who looks after the script; the log has the place"
ADVICE = {
    400: "Put right what the reason names, then run it again",
    401: "Check that the saved credentials are current",
    403: "Ask the API's owner to allow this for the credentials",
    404: "Nothing, if it was removed on purpose",
    408: NO_ANSWER,
    409: "Somebody else works on it: look at it, then run it again",
    410: "Nothing, if it was removed on purpose",
    412: "Somebody else has changed it meanwhile: run it again",
    422: "Put right what the reason names, then run it again",
    429: "Run it again later; the API allows no more calls for now",
}
LOOK_FIRST = "Look at the API whether it was done, before you run it again"
SERVER_TROUBLE = "Run it again later; if it stays, tell the API's owner"
SILENT = {
    401: "The API does not accept the credentials",
    403: "The API does not allow this",
    404: "The API does not know it",
    410: "It is no longer there",
    429: "The API allowed no more calls",
    503: "The API was not available",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """An item that was skipped or failed: why, what a person can do about it, and the call that said so."""

    key: str
    outcome: str
    reason: str
    advice: str = ""
    call: str = ""


def remark_of(record: ItemResult) -> Remark:
    """Return what is to be said of an item that did not succeed, without secrets."""
    key, text = redact_known(record.key), redact(record.reason).strip()
    if text.startswith(PROBLEM):
        problem, _, rest = text.removeprefix(PROBLEM).partition(EXAMPLE)[0].partition(SOLUTION)
        return Remark(key, record.outcome, problem.strip(), rest.strip())
    call = CALL.fullmatch(text)
    if call is not None:
        reason, advice, said = _answer(call["said"]) if call["verb"] == "answered" else (call["said"], NO_ANSWER, "")
        unsure = DOUBT.search(text) or (advice == SERVER_TROUBLE and call["call"].startswith(UNSAFE))
        advice = LOOK_FIRST if unsure else advice
        how = f"{call['call']}{f' → {said}' if said else ''}{call['tries'] or ''}"
        return Remark(key, record.outcome, _capital(reason), advice, how)
    if MISTAKE.fullmatch(text):
        return Remark(key, record.outcome, f"The script could not handle this item: {text}", IN_SCRIPT)
    return Remark(key, record.outcome, text or NO_REASON, LOOK_FIRST if DOUBT.search(text) else "")


def _answer(said: str) -> tuple[str, str, str]:
    """Return reason, advice and technical words of what follows `answered`."""
    status = STATUS.fullmatch(said)
    if status is None:
        return f"The API answered {said}", SERVER_TROUBLE, ""
    number = int(status["number"])
    reason = status["message"] or SILENT.get(number) or f"The API answered {status['status']}"
    advice = ADVICE.get(number, SERVER_TROUBLE if number >= 500 else ADVICE[400])
    return reason, advice, ", ".join(filter(None, (status["status"], status["code"])))


def _capital(text: str) -> str:
    """Return a sentence with a capital letter, unless it begins with an address."""
    return text[:1].upper() + text[1:] if text.partition(" ")[0].isalpha() else text


def common_reasons(remarks: Iterable[Remark], most: int) -> list[tuple[int, str, str]]:
    """Return how many items have a reason, their outcome, and the reason: the most frequent ones, first.

    Reasons that differ in the item's key and in numbers only are one, with three dots for what differs.
    """
    counts: Counter[tuple[str, str]] = Counter()
    told: dict[tuple[str, str], str] = {}
    first: dict[tuple[str, str], str] = {}
    for remark in remarks:
        reason = _without_key(remark.reason, remark.key)
        kind = (remark.outcome, re.sub(r"\d+", "…", reason))
        counts[kind] += 1
        if first.setdefault(kind, reason) != reason:
            first[kind] = reason = kind[1]
        told[kind] = remark.reason if counts[kind] == 1 else reason
    return [(count, kind[0], told[kind]) for kind, count in counts.most_common(most)]


def _without_key(reason: str, key: str) -> str:
    """Return the reason with three dots for the item's key, where it stands there as a word."""
    before, found, after = reason.partition(key or "\0")
    alone = found and not before[-1:].isalnum() and not after[:1].isalnum()
    return f"{before}…{after}" if alone else reason
