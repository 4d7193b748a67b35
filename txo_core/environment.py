"""The environment as a source of single values: the process environment, and `.env` beside it in a local run.

Names. `TXO_<ORG>_<ENV>_<KEY>`, in upper case, hyphens as underscores, everywhere: `TXO_ACME_EU_PROD_MAX_RETRIES` is
`max-retries` of acme-eu prod, so that no organization ever gets another's value. KEY is the last part of one of the
framework's keys (`API_BASE_URL`, `RATE_LIMIT_PER_SECOND`), `ENDPOINTS_<NAME>` for an endpoint that the file names, for
`AUTH` and for `API`, or one of the secrets. A further secret has two underscores before its name, as nothing else has:
`TXO_ACME_EU_PROD__SFTP_PASSWORD`. A script's own keys cannot be set this way.
In local runs, and there for every organization, also the short names `API_BASE_URL`, `CLIENT_ID`, `CLIENT_SECRET`.

Precedence, the first that has a value wins, an empty one is none:

1. `TXO_<ORG>_<ENV>_<KEY>` of the process       3. the short name of the process (local runs)
2. the same in `<root>/.env` (local runs)       4. the short name in `.env` (local runs)
5. the configuration file (secrets: deployments/provision.py asks here first, then the secrets file, then a person)

A run that a worker started is no local run. Which variable was taken is logged, its value never.
"""

import io
import logging
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_origin

from dotenv import dotenv_values

from txo_core.exceptions import ConfigurationError
from txo_core.paths import check_ids, configured, root
from txo_core.regular_files import TooLarge, read_regular
from txo_core.settings.checks import closest
from txo_core.settings.secret_names import FURTHER_NAME, SECRET_NAMES, names_a_secret
from txo_core.settings.sections import ADDRESSES, SECTIONS, TWINS, KeyPath, dotted, framework_keys, is_note, section
from txo_core.settings.values import thaw

logger = logging.getLogger("txo_core.config")

LARGEST = 2**20
"""Bytes of `.env`."""
WRONG: Mapping[type[Exception], str] = {UnicodeDecodeError: "it is not UTF-8", TooLarge: "it has more than 1 MiB"}
NAMES_KEY = "further-secrets"
SHORT_NAMES = frozenset({"API_BASE_URL", "CLIENT_ID", "CLIENT_SECRET"})
SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Override(NamedTuple):
    """One key of the configuration that comes from the environment; `variable` is the name of its source."""

    path: KeyPath
    variable: str
    value: Any


def overrides(org_id: str, env_type: str, document: Mapping[str, Any]) -> list[Override]:
    """Return what the environment sets of a configuration, converted to the types of the keys.

    A value that cannot be converted stays a string; the check of the configuration then names its variable.
    A variable of this organization and environment that matches no key is warned of. A script's own keys cannot be
    overridden.
    """
    check_ids(org_id, env_type)
    sources = _sources()
    found = []
    keys = settable_keys(document)
    for path, key in keys:
        if taken := _look_up(org_id, env_type, key, sources):
            variable, text = taken
            logger.info("%s comes from the environment variable %s", dotted(path), variable)
            found.append(Override(path, variable, _convert(text.strip(), path)))
    declared = {further_key(name) for name in declared_names(document)}
    _warn_of_strays(prefix(org_id, env_type), {key for _, key in keys} | declared, sources)
    return found


def declared_names(document: Mapping[str, Any]) -> list[str]:
    """Return the names of further secrets that a document declares, as far as they are names."""
    names = section(document, ("global",)).get(NAMES_KEY)
    listed = names if isinstance(names, list) else []
    return [name for name in listed if isinstance(name, str) and FURTHER_NAME.fullmatch(name)]


def apply(document: Mapping[str, Any], found: list[Override]) -> dict[str, Any]:
    """Return a copy of the document with the overrides in their places."""
    merged: dict[str, Any] = thaw(document)
    for path, _, value in found:
        place: Any = merged
        for part in path[:-1]:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[path[-1]] = value
    return merged


def secret_from_environment(org_id: str, env_type: str, name: str) -> str | None:
    """Return a secret from the environment, as it stands there, or None; for credentials without a block.

    `name` is client_secret, az_token, api_key, username or password; see the module for variables and precedence.
    """
    check_ids(org_id, env_type)
    if name not in SECRET_NAMES:
        raise ValueError(f"{name!r} is no name of a secret; there are {', '.join(SECRET_NAMES)}")
    return _secret(org_id, env_type, name, name.upper())


def further_secret_from_environment(org_id: str, env_type: str, name: str) -> str | None:
    """Return a further secret, such as `sftp-password`, from the environment, as it stands there, or None."""
    check_ids(org_id, env_type)
    if not FURTHER_NAME.fullmatch(name):
        raise ValueError("the name of a further secret has small letters, digits and single hyphens")
    return _secret(org_id, env_type, name, further_key(name))


def further_key(name: str) -> str:
    """Return the KEY of a further secret: `_SFTP_PASSWORD`, so that its variable has two underscores there."""
    return f"_{_upper(name)}"


def _secret(org_id: str, env_type: str, name: str, key: str) -> str | None:
    taken = _look_up(org_id, env_type, key, _sources())
    if taken is None:
        return None
    logger.info("%s comes from the environment variable %s", name, taken[0])
    if taken[0].endswith(" (.env)") and (root() / ".env").stat().st_mode & 0o077:
        logger.warning("The file .env can be read by other users of this machine; better: chmod 600 .env")
    return taken[1]


def prefix(org_id: str, env_type: str) -> str:
    """Return how the variables of an organization and environment begin: `TXO_ACME_EU_PROD_`."""
    return f"TXO_{org_id}_{env_type}_".replace("-", "_").upper()


def settable_keys(document: Mapping[str, Any]) -> list[tuple[KeyPath, str]]:
    """Return the path and the KEY of everything that the environment may set in this document."""
    paths: list[KeyPath] = [
        (*path, key)
        for path, model in SECTIONS.items()
        for key in framework_keys(model)
        if (*path, key) not in SECTIONS and not (path == ("script-behavior",) and key in TWINS) and key != NAMES_KEY
    ]
    paths += [("script-behavior", key) for key in TWINS if key in section(document, ("script-behavior",))]
    names = [*ADDRESSES, *(set(section(document, ("endpoints",))) - set(ADDRESSES))]
    return [(path, _upper(str(path[-1]))) for path in paths] + [
        (("endpoints", name), f"ENDPOINTS_{_upper(name)}") for name in sorted(names) if not is_note(name)
    ]


def without_secrets(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a child process: without the variables whose names say that they hold a secret.

    What Prefect itself needs (`PREFECT_...`) stays: its server cannot decrypt blocks without its key. `environment` is
    that of this process if it is not given.
    """
    given = os.environ if environment is None else environment
    return {name: value for name, value in given.items() if name.startswith("PREFECT_") or not holds_secret(name)}


def holds_secret(variable: str) -> bool:
    """Tell whether the name of a variable says that it holds a secret: one of ours, or `GITHUB_TOKEN` and its like."""
    endings = tuple(f"_{name.upper()}" for name in SECRET_NAMES)
    ours = variable.startswith("TXO_") and (variable.endswith(endings) or "__" in variable)
    return ours or names_a_secret(variable)


def is_local_run() -> bool:
    """Tell whether this process is no worker's run, so that `.env` and the short names count."""
    return not os.environ.get("PREFECT__FLOW_RUN_ID")


def _upper(key: str) -> str:
    return re.sub(r"[\W_]+", "_", key).upper()


def _sources() -> list[Mapping[str, str | None]]:
    return [os.environ, _dotenv()] if is_local_run() else [os.environ]


def _look_up(org_id: str, env_type: str, key: str, sources: list[Mapping[str, str | None]]) -> tuple[str, str] | None:
    names = [prefix(org_id, env_type) + key, *({key} & SHORT_NAMES if is_local_run() else ())]
    for name in names:
        for source in sources:
            if value := source.get(name):
                _check_owner(org_id, env_type, name)
                return (name if source is os.environ else f"{name} (.env)"), value
    return None


def _check_owner(org_id: str, env_type: str, variable: str) -> None:
    """Refuse a variable that a second organization and environment with a configuration could call its own.

    `TXO_ACME_EU_SOAP_AUTH` is soap-auth of acme eu, and auth of acme-eu soap.
    """
    known = {key for _, key in settable_keys({})} | {name.upper() for name in SECRET_NAMES}
    for other in configured() if variable.startswith("TXO_") else ():
        key = variable.removeprefix(prefix(*other))
        if other != (org_id, env_type) and (key in known or key.startswith("ENDPOINTS_")):
            raise ConfigurationError(
                f"The environment variable {variable} may be meant for {org_id} {env_type} and for {' '.join(other)}",
                "Set the value in the configuration file, or give one of the two environments another name",
                f"unset {variable}",
            )


def _dotenv() -> dict[str, str | None]:
    path = root() / ".env"
    try:
        text = read_regular(path, LARGEST).decode("utf-8-sig") if path.is_file() else ""
    except (OSError, UnicodeDecodeError, TooLarge) as error:
        reason = error.strerror if isinstance(error, OSError) else WRONG[type(error)]
        raise ConfigurationError(
            f"The file {path} cannot be read: {reason}",
            "Make it readable, save it as UTF-8, or remove it",
            "CLIENT_ID=your-client-id",
        ) from None
    return dotenv_values(stream=io.StringIO(text), interpolate=False)


def _convert(text: str, path: KeyPath) -> Any:
    model = SECTIONS.get(path[:-1])
    kind: Any = model.model_fields[str(path[-1]).replace("-", "_")].annotation if model else str
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind is bool:
        return SWITCHES.get(text.lower(), text)
    try:
        return int(text) if kind is int else float(text) if kind is float else text
    except ValueError:
        return text


def _warn_of_strays(start: str, keys: set[str], sources: list[Mapping[str, str | None]]) -> None:
    known = keys | {name.upper() for name in SECRET_NAMES}
    for variable in sorted({name for source in sources for name in source if name.startswith(start)}):
        key = variable.removeprefix(start)
        if key in known or _is_of_another(key, known):
            continue
        like = closest(key, known)
        meant = f"; did you mean {start}{like}?" if like else ""
        logger.warning("The environment variable %s matches no key of the configuration%s", variable, meant)


def _is_of_another(key: str, known: set[str]) -> bool:
    """Tell whether a variable is of a longer organization: `TXO_ACME_EU_PROD_CLIENT_ID` is not of acme and eu."""
    return any(key.endswith(f"_{name}") for name in known)


def variables(found: list[Override]) -> Iterator[tuple[str, str]]:
    """Yield the dotted key and the variable of each override."""
    for path, variable, _ in found:
        yield dotted(path), variable
