"""From a file to a validated configuration: one function, and every way in which a file can be wrong."""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from txo_core import environment
from txo_core.config import TxoConfig, display_name
from txo_core.dry_run import is_dry_run
from txo_core.exceptions import ConfigurationError
from txo_core.paths import CONFIG_SUFFIX, Dir, check_ids, configured, get_path, root
from txo_core.regular_files import TooLarge, read_regular
from txo_core.settings.checks import near_miss
from txo_core.settings.problems import check_document
from txo_core.settings.sections import Problem

logger = logging.getLogger("txo_core.config")

MAX_DEPTH = 50
LARGEST = 4 * 2**20
"""Bytes of a configuration file."""
SAMPLE = '{"global": {"api-base-url": "https://api.example.com"}}'


def load_config(org_id: str, env_type: str) -> TxoConfig:
    """Return the validated configuration of an organization and environment, overrides of the environment included.

    In a flow whose parameter `dry_run` is set, clients made of it write nothing.
    It is read afresh from `<root>/config/<org>-<env>-config.json` at each call; see `environment` for the variables.
    Raises ConfigurationError: with a line for every problem of the file, or with what to do when there is no file.
    """
    check_ids(org_id, env_type)
    path = get_path(Dir.CONFIG, f"{org_id}-{env_type}{CONFIG_SUFFIX}", ensure_parent=False)
    try:
        document = parse(read_text(path), display_name(path))
    except FileNotFoundError:
        raise missing_file(path, org_id, env_type) from None
    found = environment.overrides(org_id, env_type, document)
    merged, overridden = environment.apply(document, found), dict(environment.variables(found))
    if repeated := list(repeated_keys(document)):
        check_document(merged, display_name(path), overridden, repeated, (org_id, env_type))
    config = TxoConfig(org_id, env_type, merged, path, overridden, is_dry_run())
    note_ignored_keys(config)
    return config


def declared_secrets(org_id: str, env_type: str) -> list[str]:
    """Return the names in global.further-secrets, also of a configuration that is not right yet; none without one."""
    check_ids(org_id, env_type)
    path = get_path(Dir.CONFIG, f"{org_id}-{env_type}{CONFIG_SUFFIX}", ensure_parent=False)
    try:
        return environment.declared_names(parse(read_text(path), display_name(path)))
    except FileNotFoundError:
        return []


def note_ignored_keys(config: TxoConfig) -> None:
    """Say in the log that `api-delay-seconds` does nothing beside a rate limit."""
    behavior = config.behavior
    if behavior.enable_rate_limiting and "api_delay_seconds" in behavior.model_fields_set:
        logger.info("script-behavior.api-delay-seconds is ignored: rate limiting is on and sets the pace")


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark; FileNotFoundError passes."""
    name = display_name(path)
    try:
        return read_regular(path, LARGEST).decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        unusable(name, f"is not UTF-8 (byte {error.start + 1})", "Save it as UTF-8 in your editor")
    except TooLarge:
        unusable(name, f"has more than {LARGEST // 2**20} MiB", "Keep data out of the configuration")
    except IsADirectoryError:
        unusable(name, "is a folder, not a file", "Put a JSON file of that name in its place")
    except OSError as error:
        unusable(name, f"cannot be read: {error.strerror}", f"Make it readable for you: chmod u+r {name}")


def parse(text: str, name: str) -> dict[str, Any]:
    """Return the JSON object in a text; objects in it that repeat a key are `Repeating`."""
    if not text.strip():
        unusable(name, "is empty", "Write a JSON object into it")
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        unusable(name, f"is not valid JSON: {error.msg.lower()} at {place}", cause(text, error.pos))
    except (ValueError, RecursionError):
        unusable(name, "is not valid JSON: a number is too long or the nesting too deep", "Simplify the file")
    if depth(document) > MAX_DEPTH:
        unusable(name, f"is nested more than {MAX_DEPTH} levels deep", "Simplify the file")
    if not isinstance(document, dict):
        unusable(name, "does not hold a JSON object", "Let the file begin with { and end with }")
    return document


def depth(value: Any) -> int:
    """Return how deep objects and lists are nested; without recursion, which has its own limit."""
    levels, level = 0, [value]
    while level := [item for parent in level for item in children(parent)]:
        levels += 1
    return levels


def children(value: Any) -> Iterable[Any]:
    """Return the values in an object or a list; nothing for anything else."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


class Repeating(dict[str, Any]):
    """A JSON object in which some keys stand more than once."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) == len(keys):
        return dict(pairs)
    result = Repeating(pairs)
    result.repeated = tuple(dict.fromkeys(key for key in keys if keys.count(key) > 1))
    return result


def repeated_keys(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield the keys of a document that stand more than once in their object."""
    if isinstance(value, Repeating):
        yield from (((*path, key), "stands there more than once; keep one") for key in value.repeated)
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from repeated_keys(item, (*path, key))


def cause(text: str, position: int) -> str:
    """Return advice on a place where JSON goes wrong; it quotes nothing of the file."""
    before, after = text[:position].rstrip(), text[position:].lstrip()
    if (
        (before + after[:1]).endswith((",}", ",]"))
        or re.match(r",\s*[}\]]", after)
        or (before.endswith(",") and not after)
    ):
        return "Remove the comma after the last entry"
    if after.startswith(("//", "/*", "#")):
        return 'Remove the comment: JSON has none. A note can be an entry, "_comment": "..."'
    if after.startswith(("'", "\u201c", "\u201d", "\u201e")):
        return 'Use straight double quotes: "key": "value"'
    if re.match(r"(True|False|None)\b", after):
        return "Write true, false and null in lower case"
    if after.startswith('"') and before[-1:] not in {",", "{", "[", ":"}:
        return "Put a comma between the two entries"
    return "Look there for a comma too many or missing, a comment, a missing quote or bracket"


def missing_file(path: Path, org_id: str, env_type: str) -> ConfigurationError:
    """Return the error for a configuration that is not there: what there is instead, and how to make one."""
    names = {f"{org}-{env}": f"{org} {env}" for org, env in configured()}
    swapped = f"{env_type}-{org_id}"
    if swapped in names:
        advice, example = (
            "The organization comes first, then the environment.",
            f"python flows/report.py {names[swapped]}",
        )
    elif like := near_miss(f"{org_id}-{env_type}", names):
        advice, example = f"Did you mean {names[like]!r}?", f"python flows/report.py {names[like]}"
    else:
        advice = "Create the file in the config/ directory."
        example = f"Copy config/example-config.json and rename to {display_name(path)}"
    known = f"There are: {', '.join(sorted(names))}" if names else f"There is none yet in {root() / Dir.CONFIG}"
    return ConfigurationError(f"Configuration file {display_name(path)!r} not found", f"{advice} {known}", example)


def unusable(name: str, what: str, how_to_fix: str) -> NoReturn:
    """Raise the error for a file that is no configuration at all."""
    raise ConfigurationError(f"The configuration {name} {what}", how_to_fix, SAMPLE) from None
