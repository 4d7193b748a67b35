"""The credentials of one organization and environment: a Prefect block named `<org>-<env>`.

This module loads Prefect; import it where credentials are needed, not at the top of the core.
"""

import os
from collections.abc import Mapping
from typing import Any, NoReturn, cast

os.environ.setdefault("DO_NOT_TRACK", "1")

from prefect.blocks.core import Block
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from prefect.types import SecretDict
from pydantic import ConfigDict, Field, SecretStr, field_validator

from txo_core.exceptions import ConfigurationError
from txo_core.logs.records import install
from txo_core.paths import check_ids
from txo_core.redaction import register_secret
from txo_core.server import access
from txo_core.settings.secret_names import FURTHER_NAME, SECRET_NAMES

__all__ = ["SECRET_NAMES", "TxoCredentials", "find", "have_a_server", "load", "save", "secret", "secrets_of"]

SERVER_FAILED = 500

access.register()
install()  # Prefect logs what it loads, also where nobody has set up our logging


class TxoCredentials(Block):
    """What an organization's API asks for. Fill in what it needs; the rest stays empty."""

    _block_type_name = "TXO Credentials"
    _block_type_slug = "txo-credentials"
    _description = "Secrets of one organization and environment, saved by deployments/provision.py."

    model_config = ConfigDict(hide_input_in_errors=True)

    client_secret: SecretStr | None = Field(None, description="OAuth 2.0 client secret, for global.client-id")
    az_token: SecretStr | None = Field(None, description="A bearer token that somebody else renews")
    api_key: SecretStr | None = Field(None, description="API key, sent in the header global.api-key-header")
    username: SecretStr | None = Field(None, description="User name, for basic authentication")
    password: SecretStr | None = Field(None, description="Password, for basic authentication")
    further: SecretDict | None = Field(None, description="Further secrets by name, those of global.further-secrets")

    @field_validator("further")
    @classmethod
    def _check_further(cls, value: SecretDict | None) -> SecretDict | None:
        for name, text in (value.get_secret_value() if value else {}).items():
            if not FURTHER_NAME.fullmatch(name) or not isinstance(text, str) or not text.strip():
                raise ValueError("a further secret is a text that is not empty, with a name such as sftp-password")
        return value

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled: a pickle holds every secret in clear, in a file or on its way to another process."""
        raise TypeError("Credentials are not pickled; pass the configuration on, its client loads them where it is")


def load(org_id: str, env_type: str) -> TxoCredentials:
    """Return the block of the organization and environment; its values are masked in every log from now on.

    Raises ConfigurationError where there is none, with the command that makes it.
    """
    check_ids(org_id, env_type)
    name = f"{org_id}-{env_type}"
    block = find(name)
    if block is None:
        raise ConfigurationError(
            f"There are no credentials for {name}: the block txo-credentials/{name} does not exist",
            "Save it once, from the secrets file, the environment or a prompt",
            f"python deployments/provision.py {org_id} {env_type}",
        )
    for value in secrets_of(block).values():
        register_secret(value)
    return block


def secret(org_id: str, env_type: str, name: str) -> str:
    """Return one secret of the block by its name, such as `sftp-password` or `client-secret`.

    Raises ConfigurationError where the block, or this secret in it, has not been saved.
    """
    found = secrets_of(load(org_id, env_type))
    for known in (name, name.replace("-", "_")):
        if known in found:
            return found[known]
    raise ConfigurationError(
        f"The credentials of {org_id}-{env_type} have no secret {name!r}",
        "Save it, from the secrets file, the environment or a prompt",
        f"python deployments/provision.py {org_id} {env_type}",
    )


def find(name: str) -> TxoCredentials | None:
    """Return the block of this name, or None where the server has none."""
    have_a_server()
    try:
        block = cast(Any, TxoCredentials).load(name, _sync=True)
    except PrefectHTTPStatusError as error:
        if error.response.status_code != SERVER_FAILED:
            raise
        raise ConfigurationError(
            f"The Prefect server cannot read the block txo-credentials/{name}: it seems to have been started without"
            " the key that the block was saved with",
            "Start it by make server, which gives it the key. Where the key is lost, put the database"
            " (prefect.db in PREFECT_HOME) aside, and save all credentials again",
            "make server",
        ) from None
    except ValueError as error:
        if "Unable to find block document" not in str(error):
            raise
        return None
    assert isinstance(block, TxoCredentials)
    return block


def have_a_server() -> None:
    """Start the temporary server where no other is set; its code, which is heavy, is loaded only then."""
    if not PREFECT_API_URL.value():
        from txo_core.server.temporary import start_temporary_server

        start_temporary_server()


def save(name: str, secrets: Mapping[str, str]) -> None:
    """Save a block with these values, in place of the one that is there, and make its type known to the server.

    What is none of `SECRET_NAMES` is a further secret.
    """
    own = {name: value for name, value in secrets.items() if name in SECRET_NAMES}
    further = {name: value for name, value in secrets.items() if name not in SECRET_NAMES}
    block = TxoCredentials.model_validate({**own, "further": further or None})
    cast(Any, TxoCredentials).register_type_and_schema(_sync=True)
    cast(Any, block).save(name, overwrite=True, _sync=True)


def secrets_of(block: TxoCredentials) -> dict[str, str]:
    """Return the values that are there, by name, in clear: for registration and headers only."""
    found = {name: getattr(block, name) for name in SECRET_NAMES}
    own = {name: value.get_secret_value() for name, value in found.items() if value is not None}
    return own | (block.further.get_secret_value() if block.further else {})
