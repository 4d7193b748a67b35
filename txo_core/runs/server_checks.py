"""What is open on this machine and on the Prefect server: checks that return findings and change nothing."""

import ipaddress
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from txo_core.http.origins import address_of
from txo_core.paths import Dir, root
from txo_core.server import encryption_key

AUTHENTICATION = "PREFECT_SERVER_API_AUTH_STRING"
SKIPS, CERTIFICATE = "PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "PREFECT_API_SSL_CERT_FILE"
LISTENING = "0A"
SOCKET_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - what is looked for
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Finding:
    """Something that stands open: what, how to close it, and a line to type."""

    problem: str
    solution: str
    example: str = ""


def findings(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Return everything that is found open, with the settings of this process and the files of this machine."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME
    from prefect.settings.context import get_current_settings

    settings = get_current_settings()
    url, home = PREFECT_API_URL.value(), Path(PREFECT_HOME.value())
    has_key = bool((os.environ if environment is None else environment).get(encryption_key.VARIABLE))
    return [
        *open_bind(str(settings.server.api.host or ""), settings.server.api.auth_string is not None),
        *plain_http(url),
        *unverified(url, settings.api.tls_insecure_skip_verify),
        *open_api(url),
        *key_beside_blocks(local_database(), has_key),
        *readable_secrets(root() / Dir.CONFIG),
        *readable_logs(root() / Dir.LOGS),
        *readable_home(home),
        *readable_outside(home, local_database(), "Prefect's database"),
        *readable_outside(home, settings.results.local_storage_path, "stored results"),
    ]


def local_database() -> Path | None:
    """Return the SQLite file in which this machine's server keeps its blocks; None where it is another database."""
    from prefect.settings import PREFECT_HOME
    from prefect.settings.context import get_current_settings

    url = get_current_settings().server.database.connection_url
    return encryption_key.database_file(url.get_secret_value() if url else None, Path(PREFECT_HOME.value()))


def open_bind(host: str, has_authentication: bool) -> list[Finding]:
    """Return a finding where a server started here would answer other machines without asking who they are."""
    if has_authentication or (host not in EVERYWHERE and is_loopback(host)) or not host:
        return []
    return [_without_authentication(f"PREFECT_SERVER_API_HOST is {host}")]


def plain_http(url: str | None) -> list[Finding]:
    """Return a finding where the API is reached over a network without encryption."""
    parts = parts_of(url)
    if parts is None or parts.scheme != "http" or is_loopback(parts.hostname or ""):
        return []
    return [
        Finding(
            f"PREFECT_API_URL is {address_of(url or '')}: credentials blocks travel to this machine in clear",
            "Put TLS in front of the server, and use https",
            f"prefect config set PREFECT_API_URL=https://{parts.hostname}/api",
        )
    ]


def unverified(url: str | None, skips: bool) -> list[Finding]:
    """Return a finding where this machine does not look who answers it by https."""
    parts = parts_of(url)
    if not skips or parts is None or parts.scheme != "https":
        return []
    problem = (
        f"{SKIPS} is set: whoever gets between this machine and {address_of(url or '')} reads every credentials block"
    )
    fix = "Take it away; name the certificate of your own authority instead"
    return [Finding(problem, fix, f"prefect config unset {SKIPS}\nprefect config set {CERTIFICATE}=/etc/ssl/ours.pem")]


def open_api(
    url: str | None, ask: "Callable[[str], bool] | None" = None, tables: Iterable[Path] = SOCKET_TABLES
) -> list[Finding]:
    """Return a finding where a server that other machines reach answers without credentials.

    Others reach it where its name is none of this machine alone, or where it listens on more than loopback.
    """
    parts = parts_of(url)
    if not url or parts is None or not parts.hostname:
        return []
    port = parts.port or (443 if parts.scheme == "https" else 80)
    beyond = not is_loopback(parts.hostname) or listens_beyond_loopback(port, tables)
    if not beyond or not (ask or answers)(url):
        return []
    return [_without_authentication(f"The Prefect server at {address_of(url)} can be reached by other machines")]


def _without_authentication(problem: str) -> Finding:
    return Finding(
        f"{problem}, and {AUTHENTICATION} is not set: whoever reaches it reads every credentials block",
        f"Set {AUTHENTICATION} for the server and PREFECT_API_AUTH_STRING for its clients, or bind it to 127.0.0.1",
        f'{AUTHENTICATION}="$(echo admin:$(openssl rand -hex 24))" make server',
    )


def parts_of(url: str | None) -> SplitResult | None:
    """Return the parts of a URL; None where it is none."""
    try:
        parts = urlsplit(url or "")
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None


def answers(url: str) -> bool:
    """Tell whether the API answers a question of somebody without credentials; a page to sign in at is no answer."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(f"{url.rstrip('/')}/admin/version", timeout=5, allow_redirects=False)
            return answer.status_code == requests.codes.ok and isinstance(answer.json(), str)
        except (requests.RequestException, ValueError):
            return False


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine alone."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listens_beyond_loopback(port: int, tables: Iterable[Path] = SOCKET_TABLES) -> bool:
    """Tell whether a socket of this machine listens on the port for more than loopback; False where nobody can tell."""
    for table in tables:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in (line.split() for line in lines):
            address, _, number = fields[1].partition(":")
            if fields[3] == LISTENING and int(number, 16) == port and not _is_loopback_word(address):
                return True
    return False


def _is_loopback_word(address: str) -> bool:
    """Tell whether an address of the kernel's table, words of four bytes in the machine's order, is loopback."""
    raw = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
    found = ipaddress.ip_address(raw)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def key_beside_blocks(database: Path | None, has_key: bool) -> list[Finding]:
    """Return a finding where the key of the blocks lies with them, or will as soon as a block is saved."""
    if database is None:
        if has_key:
            return []
        problem = f"{encryption_key.VARIABLE} is not set: the key of the blocks lies in their database"
        return [Finding(problem, "Set it where the server starts, before the first block is saved", _new_key())]
    if encryption_key.key_beside_the_blocks(database) is not None:
        problem = f"The key that encrypts the blocks lies beside them, in {database}"
        return [
            Finding(problem, "Stop the server, and start it by make server, which moves the key out", "make server")
        ]
    path = encryption_key.key_file(database)
    if path.parent.resolve() == database.parent.resolve():
        return [Finding(f"The key file {path} lies beside the blocks", "Keep it in another folder", f"mv {path} ...")]
    return readable(path, "the key of the blocks")


def _new_key() -> str:
    return f'{encryption_key.VARIABLE}="$(openssl rand 32 | base64 | tr +/ -_)"'


def readable_secrets(folder: Path) -> list[Finding]:
    """Return a finding for each secrets file that others than its owner can read."""
    files = sorted(path for path in folder.glob("*-secrets.json") if not path.name.startswith("example-"))
    return [found for path in [*files, folder.parent / ".env"] for found in readable(path, "secrets")]


def readable_logs(folder: Path) -> list[Finding]:
    """Return a finding where the log folder, or a file in it, is open to others."""
    found = readable(folder, "the logs")
    return found or [each for path in sorted(folder.glob("app_*.log*")) for each in readable(path, "a log")]


def readable_home(home: Path) -> list[Finding]:
    """Return a finding where others can look into Prefect's folder: its database and results are not closed."""
    return readable(home, "Prefect's database and stored results")


def readable_outside(home: Path, path: Path | None, what: str) -> list[Finding]:
    """Return a finding where something of Prefect's lies outside of its folder, and others can look into it there."""
    if path is None or path.resolve().is_relative_to(home.resolve()) or readable(path.parent, what) == []:
        return []
    return readable(path, what)


def readable(path: Path, what: str) -> list[Finding]:
    """Return a finding where a file or folder is open to others than its owner; none where it is not there."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return []
    if not mode & OTHERS:
        return []
    closed = 700 if path.is_dir() else 600
    problem = f"{path} holds {what} and is open to other users of this machine (mode {mode:o})"
    return [Finding(problem, "Close it", f"chmod {closed} {path}")]
