"""Which certificates a client trusts: as the configuration says, and never as a variable of the machine does."""

import logging
import os
import ssl
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from txo_core.exceptions import ConfigurationError
from txo_core.paths import root

if TYPE_CHECKING:
    from txo_core.config import TxoConfig

logger = logging.getLogger("txo_core.tls")

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""What requests itself would heed."""
EXAMPLE = '{"global": {"ca-bundle": "files/company-ca.pem"}}'

_told: set[str] = set()
_warned: set[tuple[str, str, str]] = set()


def verification(config: "TxoConfig") -> bool | str:
    """Return what requests calls `verify`: True for the public authorities, the path of a bundle, or False.

    Raises ConfigurationError for a bundle that cannot be used.
    """
    if not config.globals.verify_tls:
        return False
    if config.globals.ca_bundle is None:
        return True
    path = root() / Path(config.globals.ca_bundle).expanduser()
    try:
        state = path.stat()
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be read") from None
    _check_bundle(path, state.st_mtime_ns, state.st_size)
    return str(path)


def client_certificate(config: "TxoConfig") -> tuple[str, str] | None:
    """Return the paths of our own certificate and its key, for servers that ask who we are; None without one.

    Raises ConfigurationError for files that cannot be used, and warns of a key that others can read.
    """
    settings = config.globals
    if settings.client_certificate is None:
        return None
    paths = tuple(
        root() / Path(name).expanduser() for name in (settings.client_certificate, settings.client_key) if name
    )
    certificate, key = paths[0], paths[-1]
    try:
        states = [path.stat() for path in paths]
    except OSError as error:
        raise _unusable_own(error.strerror or "it cannot be read", error.filename) from None
    _check_own(certificate, key, tuple((state.st_mtime_ns, state.st_size) for state in states))
    if states[-1].st_mode & 0o077 and str(key) not in _told:
        _told.add(str(key))
        logger.warning("The key in %s can be read by other users of this machine; better: chmod 600", key)
    return str(certificate), str(key)


def announce(config: "TxoConfig") -> None:
    """Warn, once in each run, where certificates are not checked; say which variables for certificates do not count."""
    if not config.globals.verify_tls:
        _silence_urllib3()
        run = (config.org_id, config.env_type, _flow_run())
        if run in _warned:
            return
        if run[-1]:
            _warned.add(run)
        logger.warning(
            "%s-%s: certificates are not checked (global.verify-tls is false), so anyone on the way can read and change"
            " what is sent, credentials too; name the authority in global.ca-bundle instead",
            config.org_id,
            config.env_type,
        )
    elif config.globals.ca_bundle is None:
        for name in VARIABLES:
            if os.environ.get(name) and not _told:
                _told.add(name)
                logger.info("%s is set and does not count: what is trusted stands in global.ca-bundle", name)


def _flow_run() -> str:
    """Return the id of the flow run that we are in; empty outside of any, and where Prefect is not even loaded."""
    context = sys.modules.get("prefect.context")
    if context is None:
        return ""
    flow, task = context.FlowRunContext.get(), context.TaskRunContext.get()
    run = getattr(flow and flow.flow_run, "id", None) or getattr(task and task.task_run, "flow_run_id", None)
    return str(run or "")


@lru_cache(maxsize=64)
def _check_bundle(path: Path, changed: int, size: int) -> None:
    """Raise a ConfigurationError unless the file has certificates; looked at once while it stays as it is."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=str(path))
    except OSError as error:  # also ssl.SSLError
        wrong = "it holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
        raise _unusable(path, wrong or "it cannot be read") from None
    if not context.cert_store_stats()["x509"]:
        raise _unusable(path, "it holds no certificate in PEM form")


@lru_cache(maxsize=64)
def _check_own(certificate: Path, key: Path, changed: object) -> None:
    """Raise a ConfigurationError unless the two belong together; looked at once while they stay as they are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # Without a password OpenSSL would ask at the terminal for that of an encrypted key.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError):
        problem = "they are no certificate and its key in PEM form, or the key is encrypted"
        raise _unusable_own(problem, certificate) from None
    except OSError as error:
        raise _unusable_own(error.strerror or "it cannot be read", certificate) from None


def _unusable_own(problem: str, path: object) -> ConfigurationError:
    return ConfigurationError(
        f"The certificate of global.client-certificate cannot be used: {path}: {problem}",
        "Name the PEM file of the certificate, and in client-key that of its key, which is not encrypted; a path is"
        " relative to the root folder",
        '{"global": {"client-certificate": "files/acme.pem", "client-key": "files/acme.key"}}',
    )


def _unusable(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"The certificates of global.ca-bundle cannot be used: {path}: {problem}",
        "Name a PEM file with the certificates of the authorities to trust; a path is relative to the root folder",
        EXAMPLE,
    )


def _silence_urllib3() -> None:
    """Leave the warning to us: urllib3's own comes with every connection."""
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
