"""How results of tasks are stored where a script asks for it: as JSON, without secrets; a pickle is never loaded."""

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any, NoReturn, cast

from prefect.serializers import JSONSerializer, PickleSerializer
from pydantic import Field

from txo_core.exceptions import ConfigurationError, FileOperationError
from txo_core.logs.clean_data import clean_data
from txo_core.redaction import redact

SERIALIZER = "txo-json"


class CleanJSONSerializer(JSONSerializer):
    """Prefect's JSON, whose texts have no secret in them: the files lie unencrypted on the disk."""

    type: str = Field(default=SERIALIZER, frozen=True)

    def dumps(self, obj: Any) -> bytes:
        """Return the result as JSON without secrets."""
        return json.dumps(clean_data(json.loads(super().dumps(obj)))).encode()


def check_serializer(serializer: Any) -> None:
    """Refuse an option by which results would be stored in another form."""
    kind = str(getattr(serializer, "type", serializer))
    if kind not in (SERIALIZER, "None", f"compressed/{SERIALIZER}"):
        raise ConfigurationError(
            f"Results are stored as JSON without secrets, not as {kind}",
            "Leave result_serializer out, and return plain data",
            "@task(persist_result=True)",
        )


def clean_key(function: Callable[..., str | None]) -> Callable[..., str | None]:
    """Return what gives cache keys without secrets: they become names of files. One that had any becomes its hash."""

    @functools.wraps(function)
    def key_of(*args: Any, **kwargs: Any) -> str | None:
        key = function(*args, **kwargs)
        return key if key is None else key_without_secrets(key)

    return key_of


class KeyTemplate(str):
    """A template of the keys under which results are stored, whatever fills it in."""

    __slots__ = ()

    def format(self, *args: object, **kwargs: object) -> str:
        """Return the key of a result."""
        return key_without_secrets(super().format(*args, **kwargs))


def key_without_secrets(key: str) -> str:
    """Return the key, or its hash where it holds a secret."""
    if redact(key) == key:
        return key
    return "sha256-" + hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()


def refuse_pickles() -> None:
    """Let no stored pickle be loaded in this process: it could run any code."""
    cast(Any, PickleSerializer).loads = _refuse


def _refuse(self: Any, blob: bytes) -> NoReturn:
    raise FileOperationError(
        "A stored result of Prefect is a pickle, which could run any code; it is not loaded",
        "Remove it and run again: results are stored as JSON",
        "rm -r ~/.prefect/storage",
    )
