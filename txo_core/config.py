"""The configuration of one organization and environment: one frozen object with two doors.

`config.behavior.api_timeouts.max_retries`: the framework's keys, typed, with their defaults.
`config["global"]["tenant-id"]`: what stands in the file, the script's own keys among it; no defaults.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, Self, cast

from txo_core.exceptions import MissingKeyError
from txo_core.paths import check_ids, root
from txo_core.settings.checks import closest
from txo_core.settings.models import ApiTimeouts, Behavior, ConfigFile, Globals, Jitter
from txo_core.settings.problems import check_document, without_notes
from txo_core.settings.secret_names import SECRET_NAMES
from txo_core.settings.sections import TOP, is_note
from txo_core.settings.values import Section, thaw

__all__ = ["ApiTimeouts", "Behavior", "Globals", "Jitter", "TxoConfig"]

TokenSource = Callable[[], str]
SecretSource = Callable[[str], str]


class TxoConfig(Mapping[str, Any]):
    """A validated, read-only configuration, as `load_config` returns it.

    `data` is what the file holds; a problem in it is a ConfigurationError that lists every one. `source` is the path
    of the file, `overridden` tells which keys came from which environment variable (names only).

    As a mapping it has `_org_id`, `_env_type` and the sections of the file. `config["_token"]` and
    `config.secret(name)` answer only where a source is bound; neither a source nor what it yields is ever part of its
    repr, hash, iteration or copy, and a pickled or copied configuration has no source. Two are equal when organization,
    environment and content are; the hash is made of organization and environment. Where `dry_run` is true, the clients
    that are made of it write nothing.
    """

    __slots__ = (
        "_data", "_model", "_secret_source", "_token_source", "dry_run", "env_type", "org_id", "overridden", "source",
    )  # fmt: skip

    org_id: str
    env_type: str
    source: Path | None
    overridden: Mapping[str, str]
    dry_run: bool
    _data: Section
    _model: ConfigFile
    _token_source: TokenSource | None
    _secret_source: SecretSource | None

    def __init__(
        self,
        org_id: str,
        env_type: str,
        data: Mapping[str, Any],
        source: Path | None = None,
        overridden: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> None:
        check_ids(org_id, env_type)
        name = display_name(source) if source else f"of {org_id}-{env_type}"
        sections = {k: without_notes(v) if k in TOP else v for k, v in data.items() if not is_note(k)}
        self._set(
            org_id=org_id,
            env_type=env_type,
            source=source,
            overridden=MappingProxyType(dict(overridden or {})),
            dry_run=dry_run,
            _model=check_document(data, name, overridden, ids=(org_id, env_type)),
            _data=Section(sections, file=name if source else f"the configuration {name}"),
            _token_source=None,
            _secret_source=None,
        )

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def globals(self) -> Globals:
        """The framework's keys of `global`: where the API is and who we are there; all optional."""
        return self._model.globals

    @property
    def behavior(self) -> Behavior:
        """The keys of `script-behavior`: rate limit, circuit breaker, timeouts and retries, with their defaults."""
        return self._model.behavior

    @property
    def endpoints(self) -> Mapping[str, str]:
        """The addresses by name; empty where the file has none."""
        return cast("Mapping[str, str]", self._data.get("endpoints", Section({}, "endpoints")))

    def with_token(self, source: TokenSource) -> Self:
        """Return the same configuration, whose `config["_token"]` is what `source()` answers at that moment."""
        return self._bound(_token_source=source)

    def with_secrets(self, source: SecretSource) -> Self:
        """Return the same configuration, whose `config.secret(name)` is what `source(name)` answers."""
        return self._bound(_secret_source=source)

    def _bound(self, **sources: Any) -> Self:
        bound = object.__new__(type(self))
        bound._set(**{name: getattr(self, name) for name in self.__slots__} | sources)
        return bound

    def secret(self, name: str) -> str:
        """Return a secret of the credentials block, such as `sftp-password`, which global.further-secrets names.

        Ask for it where it is used, and hand it on to nobody else: it is masked in every log, and still a secret.
        Raises ConfigurationError for a name that is not declared or not saved, and on a bare `load_config`.
        """
        known = [*self.globals.further_secrets, *(own.replace("_", "-") for own in SECRET_NAMES)]
        if name not in known:
            raise unknown_secret(name, known, self.source)
        if self._secret_source is None:
            raise MissingKeyError(
                "The configuration holds no secrets",
                "Load it with load_run_config(org_id, env_type): that binds the credentials to it",
                f'config = load_run_config(org_id, env_type)\nconfig.secret("{name}")',
            )
        return self._secret_source(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the sections of the file as plain dicts and lists that may be changed, for json.dumps too."""
        return cast("dict[str, Any]", thaw(self._data))

    def __getitem__(self, key: str) -> Any:
        if key == "_org_id":
            return self.org_id
        if key == "_env_type":
            return self.env_type
        if key == "_token":
            return self._token()
        return self._data[key]

    def _token(self) -> str:
        if self._token_source is None:
            raise MissingKeyError(
                "The configuration holds no token",
                "Load it with load_run_config(org_id, env_type) or parse_args_and_load_config(description):"
                " they bind the credentials to it. Or call create_rest_api(config), which needs no token from you",
                'config = load_run_config(org_id, env_type)\ntoken = config["_token"]',
            )
        return str(self._token_source())

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default where there is none."""
        return self[key] if key in self else default  # noqa: SIM401  # this is get

    def __contains__(self, key: object) -> bool:
        if key == "_token":
            return self._token_source is not None
        return key in {"_org_id", "_env_type"} or key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(("_org_id", "_env_type", *self._data))

    def __len__(self) -> int:
        return len(self._data) + 2

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TxoConfig):
            return NotImplemented
        ours, theirs = ((each.org_id, each.env_type, each.dry_run, each._data) for each in (self, other))
        return ours == theirs

    def __hash__(self) -> int:
        return hash((self.org_id, self.env_type))

    def __repr__(self) -> str:
        return f"<TxoConfig {self.org_id}-{self.env_type}>"

    def __reduce__(self) -> tuple[Any, ...]:
        plain = (self.org_id, self.env_type, self.to_dict(), self.source, dict(self.overridden), self.dry_run)
        return type(self), plain

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name!r} cannot be set: a TxoConfig is read-only")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name!r} cannot be deleted: a TxoConfig is read-only")


def unknown_secret(name: object, known: Sequence[str], source: Path | None) -> MissingKeyError:
    """Return the error for a secret that the configuration does not name."""
    like = closest(str(name), known)
    meant = f"Did you mean {like!r}? " if like else ""
    return MissingKeyError(
        f"There is no secret {str(name)[:60]!r} in {display_name(source) if source else 'the configuration'}",
        f"{meant}Name it in global.further-secrets, then save it with deployments/provision.py",
        '{"global": {"further-secrets": ["sftp-password"]}}',
    )


def display_name(source: Path) -> str:
    """Return the path of a file as people know it: below the root folder without the root."""
    return source.relative_to(root()).as_posix() if source.is_relative_to(root()) else str(source)
