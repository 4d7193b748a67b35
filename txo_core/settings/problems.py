"""Everything that is wrong with a configuration, all at once, without a single value of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from txo_core.exceptions import ConfigurationError
from txo_core.settings.checks import closest, near_miss
from txo_core.settings.models import ConfigFile, Globals
from txo_core.settings.secret_problems import ABOUT_SECRETS, secret_problems, shown
from txo_core.settings.secrets import SECRETS_BELONG
from txo_core.settings.sections import (
    ADDRESSES,
    HOMES,
    SECTIONS,
    TIMEOUTS,
    TOP,
    TWINS,
    KeyPath,
    Problem,
    dotted,
    framework_keys,
    is_note,
    section,
)

PRODUCTION = ("prod", "prd", "live")
"""How the names of environments begin in which certificates are always checked."""
EXAMPLE = '{"script-behavior": {"api-timeouts": {"max-retries": 3}}}'


def check_document(
    document: Mapping[str, Any],
    name: str,
    overridden: Mapping[str, str] | None = None,
    found: Sequence[Problem] = (),
    ids: tuple[str, str] = ("<org>", "<env>"),
) -> ConfigFile:
    """Return the typed side of a configuration; ConfigurationError has a line `path: sentence` for every problem.

    `overridden` says which values come from which environment variable; `found` are problems known before; `ids` are
    organization and environment, for the command that saves a secret where it belongs.
    """
    overridden = overridden or {}
    problems = [*found, *key_problems(document), *twin_problems(document), *tls_problems(document, ids[1])]
    model, typed = validate(document)
    problems += typed
    if not problems and model is not None:
        return model
    raise unusable(name, problems, overridden, ids)


def unusable(
    name: str, problems: Sequence[Problem], overridden: Mapping[str, str], ids: tuple[str, str]
) -> ConfigurationError:
    """Return the error that lists the problems, the first of each path, in the order of the file's sections."""
    first: dict[str, str] = {}
    for path, sentence in problems:
        variable = source_of(path, overridden)
        label = f"environment variable {variable}" if variable else dotted(tuple(map(shown, path)))
        first.setdefault(label, sentence.partition(", it is ")[0] if variable else sentence)
    count = "1 problem" if len(first) == 1 else f"{len(first)} problems"
    lines = "\n".join(f"  {label}: {sentence}" for label, sentence in first.items())
    secret = any(SECRETS_BELONG in sentence for sentence in first.values())
    return ConfigurationError(
        f"The configuration {name} has {count}:\n{lines}",
        "Correct each line and start again; config/config.schema.json describes every key"
        + (f". {ABOUT_SECRETS.format('-'.join(ids))}" if secret else ""),
        f"python deployments/provision.py {' '.join(ids)}" if secret else EXAMPLE,
    )


def source_of(path: KeyPath, overridden: Mapping[str, str]) -> str | None:
    """Return the environment variable that a value, or the list that it stands in, comes from."""
    return overridden.get(dotted(path[:-1] if path and isinstance(path[-1], int) else path))


def key_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong whatever the types: mistyped and misplaced keys, reserved names, secrets."""
    for key in document:
        if is_note(key):
            continue
        if key.startswith("_"):
            yield (key,), "is a name that TXO itself sets; a key of your own begins with a letter"
        elif sentence := stray(key, TOP, ()):
            yield (key,), sentence
    for key in section(document, ("global",)):
        if sentence := stray(key, framework_keys(Globals), ("global",)):
            yield ("global", key), sentence
    for key in section(document, ("endpoints",)):
        if like := near_miss(key, ADDRESSES):
            yield ("endpoints", key), f"is unknown; did you mean {like!r}?"
    yield from secret_problems(document, ())


def stray(key: str, here: Sequence[str], path: KeyPath) -> str | None:
    """Return the sentence on a key of an open section that is almost, or elsewhere, one of the framework's."""
    if key in here or is_note(key):
        return None
    if like := near_miss(key, here):
        return f"is unknown; did you mean {like!r}?"
    if key in HOMES and HOMES[key] != dotted(path):
        return f"has no effect here; it belongs in {HOMES[key]}"
    return None


def twin_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the keys that stand in both of their two places with two values."""
    behavior, timeouts = section(document, TIMEOUTS[:1]), section(document, TIMEOUTS)
    for key in TWINS:
        if key in behavior and key in timeouts and behavior[key] != timeouts[key]:
            yield (*TIMEOUTS[:1], key), f"differs from {dotted((*TIMEOUTS, key))}; keep one of the two"


def tls_problems(document: Mapping[str, Any], env_type: str) -> Iterator[Problem]:
    """Yield what contradicts itself: a key without its certificate; a check that may not be off, or has a file."""
    settings = section(document, ("global",))
    if "client-key" in settings and "client-certificate" not in settings:
        yield ("global", "client-key"), "stands without a client-certificate, whose key it would be"
    if settings.get("verify-tls", True) is not False:
        return
    if env_type.startswith(PRODUCTION):
        yield ("global", "verify-tls"), "may not be false in a production environment; name a global.ca-bundle instead"
    elif "ca-bundle" in settings:
        yield ("global", "verify-tls"), "is false beside a ca-bundle, which it would leave without effect; remove one"


def validate(document: Mapping[str, Any]) -> tuple[ConfigFile | None, list[Problem]]:
    """Return the typed document, or what is wrong with its types, ranges and addresses."""
    try:
        return ConfigFile.model_validate(with_twins(document)), []
    except ValidationError as error:
        found = [(detail["loc"], detail) for detail in error.errors(include_url=False)]
    return None, [(path, sentence_of(detail, path)) for path, detail in found if holds(document, path)]


def with_twins(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the framework's sections without notes, each key with two places filled in at both."""
    plain: dict[str, Any] = {key: without_notes(document[key]) for key in TOP if key in document}
    behavior = plain.get("script-behavior", {})
    timeouts = behavior.get("api-timeouts", {}) if isinstance(behavior, dict) else None
    if isinstance(behavior, dict) and isinstance(timeouts, dict):
        given = {key: place[key] for place in (behavior, timeouts) for key in TWINS if key in place}
        plain["script-behavior"] = behavior | given | {"api-timeouts": timeouts | given}
    return plain


def without_notes(value: Any) -> Any:
    """Return a value as plain dicts without the keys that are only for the reader."""
    if not isinstance(value, Mapping):
        return value
    return {key: without_notes(item) for key, item in value.items() if not is_note(key)}


def holds(document: Any, path: KeyPath) -> bool:
    """Tell whether a path leads to something in the document, so that a problem is told where it was written."""
    for part in path:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def sentence_of(detail: ErrorDetails, path: KeyPath) -> str:
    """Return one of pydantic's findings in our words; of the value only its type is told."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_key(path)
    if kind == "txo":
        return str(context["problem"])
    if kind == "literal_error":
        return f"should be {context['expected']}"
    for name, words in RANGES.items():
        if name in context:
            return f"should be {words} {context[name]:g}"
    return f"should be {WANTED.get(kind, 'something else')}, it is {json_type(detail['input'])}"


RANGES = {"gt": "greater than", "ge": "at least", "lt": "less than", "le": "at most"}
WANTED = {
    "int_type": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a string",
    "tuple_type": "a list",
    "model_type": "an object",
    "dict_type": "an object",
}


def unknown_key(path: KeyPath) -> str:
    """Return the sentence on a key that a closed section does not know: what was meant, or where it belongs."""
    key, names = str(path[-1]), framework_keys(SECTIONS[path[:-1]])
    if like := near_miss(key, names):
        return f"is unknown; did you mean {like!r}?"
    if key in HOMES:
        return f"is unknown here; it belongs in {HOMES[key]}"
    if like := closest(key, HOMES):
        place = "" if like in names else f" in {HOMES[like]}"
        return f"is unknown; did you mean {like!r}{place}?"
    return "is unknown; a key of your own goes into a section of your own"


def json_type(value: Any) -> str:
    """Return the name of a value's type as people say it who write JSON."""
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (type(None), "null"),
        (bool, "true or false"),
        (int, "an integer"),
        (float, "a number with a decimal point"),
        (str, "a string"),
        ((list, tuple), "a list"),
        (Mapping, "an object"),
    ]
    return next((name for kind, name in kinds if isinstance(value, kind)), "something else")
