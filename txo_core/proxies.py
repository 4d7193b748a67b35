"""The proxy of a configuration, with the user name and password that it asks for."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from txo_core.exceptions import ConfigurationError
from txo_core.redaction import register_secret
from txo_core.settings.secret_names import PROXY_NAMES

if TYPE_CHECKING:
    from txo_core.config import TxoConfig


def proxy_of(config: "TxoConfig") -> str | None:
    """Return the address of global.proxy, None without one; with user name and password where they are declared.

    They are the further secrets proxy-username and proxy-password of the credentials block, and the address is a secret
    with them. Raises ConfigurationError where they are declared and not saved, or cannot be sent.
    """
    proxy = config.globals.proxy
    if proxy is None or not set(PROXY_NAMES) <= set(config.globals.further_secrets):
        return proxy
    from txo_core import credentials  # loads Prefect

    user, password = (credentials.secret(config.org_id, config.env_type, name) for name in PROXY_NAMES)
    if ":" in user or any(not text.isprintable() or not _is_latin(text) for text in (user, password)):
        raise ConfigurationError(
            "The user name or the password of the proxy cannot be sent: it has a character that a header cannot carry,"
            " or the user name has a colon",
            "Save proxy-username and proxy-password again, each in its own place",
            f"python deployments/provision.py {config.org_id} {config.env_type}",
        )
    scheme, _, place = proxy.partition("://")
    pair = f"{quote(user, safe='')}:{quote(password, safe='')}"
    register_secret(pair)
    return f"{scheme}://{pair}@{place}"


def _is_latin(text: str) -> bool:
    try:
        return bool(text.encode("latin-1"))
    except UnicodeEncodeError:
        return False
