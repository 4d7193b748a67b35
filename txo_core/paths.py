"""Where everything lies: the root folder, its categories, and names that cannot leave them."""

import os
import re
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Protocol

from txo_core.clock import utc_now
from txo_core.exceptions import ConfigurationError, FileOperationError
from txo_core.file_names import file_name, name_problem

__all__ = [
    "Dir",
    "OrgEnv",
    "check_ids",
    "configured",
    "file_name",
    "get_path",
    "make_folder",
    "output_path",
    "root",
    "utc_stamp",
]

CONFIG_SUFFIX = "-config.json"
MAX_ID_LENGTH = 39
MAX_DEPTH = 30
"""Folders that a name may have below its category."""
ORG_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
ENV_PATTERN = re.compile(r"[a-z0-9]+")


class Dir(StrEnum):
    """The folders below the root that TXO reads and writes."""

    CONFIG = "config"
    DATA = "data"
    FILES = "files"
    GENERATED_PAYLOADS = "generated_payloads"
    LOGS = "logs"
    OUTPUT = "output"
    PAYLOADS = "payloads"
    SCHEMAS = "schemas"
    TMP = "tmp"
    WSDL = "wsdl"


class OrgEnv(Protocol):
    """Whatever knows its organization and environment, such as `TxoConfig`."""

    @property
    def org_id(self) -> str:
        """The organization, such as `txo`."""

    @property
    def env_type(self) -> str:
        """The environment, such as `prod`."""


def root() -> Path:
    """Return the root folder: `$TXO_HOME` where it is set, else the repository."""
    home = os.environ.get("TXO_HOME")
    return Path(home).expanduser().resolve() if home else Path(__file__).resolve().parent.parent


def check_ids(org_id: str, env_type: str) -> None:
    """Refuse an organization or environment whose name may not become part of a file, block or URL."""
    for label, value, pattern in (("organization", org_id, ORG_PATTERN), ("environment", env_type, ENV_PATTERN)):
        if not (isinstance(value, str) and len(value) <= MAX_ID_LENGTH and pattern.fullmatch(value)):
            hyphens = " and single hyphens" if pattern is ORG_PATTERN else ""
            raise ConfigurationError(
                f"{value!r} is not a valid {label}",
                f"Use lower-case letters, digits{hyphens}, {MAX_ID_LENGTH} characters at most;"
                " the organization comes first, then the environment",
                "python flows/report.py txo prod",
            )


def configured() -> list[tuple[str, str]]:
    """Return the organizations and environments that have a configuration file."""
    stems = [path.name.removesuffix(CONFIG_SUFFIX) for path in (root() / Dir.CONFIG).glob(f"*-*{CONFIG_SUFFIX}")]
    pairs = [(org, env) for org, _, env in (stem.rpartition("-") for stem in sorted(stems))]
    return [(org, env) for org, env in pairs if ORG_PATTERN.fullmatch(org) and ENV_PATTERN.fullmatch(env)]


def get_path(category: str, filename: str | PurePath, ensure_parent: bool = True) -> Path:
    """Return the path of a file in one of the `Dir` folders, whose parents exist afterwards.

    Raises ConfigurationError for an unknown category, and for a name that would leave the folder, also by a link, or
    that is no name on some disk (a line break, a device of Windows); `file_name(text)` makes one of any text.
    """
    try:
        folder = root() / Dir(category)
    except ValueError:
        raise ConfigurationError(
            f"There is no folder category {category!r}",
            f"Use one of: {', '.join(Dir)}",
            'get_path("output", "report.xlsx")',
        ) from None
    filename = str(filename) if isinstance(filename, PurePath) else filename
    if problem := _path_problem(folder, filename):
        raise ConfigurationError(
            f"The file name {filename!a} {problem.format(str(category))}",
            "Give a name, or a path below the folder, without '..'; file_name(text) makes a name of any text",
            f'get_path("{category}", file_name(customer["name"], ".json"))',
        )
    path = folder / filename
    if ensure_parent:
        make_folder(path.parent)
    return path


def _path_problem(folder: Path, filename: str) -> str | None:
    """Return what is wrong with a path below the folder, as the end of a sentence; None if nothing is."""
    if not isinstance(filename, str):
        return f"is no text, it is of the type {type(filename).__name__}"
    if not filename or "\0" in filename:
        return "leaves the folder {!r}"
    parts = PurePath(filename).parts
    if len(parts) > MAX_DEPTH:
        return f"leads through more than {MAX_DEPTH} folders"
    for part in parts:
        if part not in {"/", ".."} and (problem := name_problem(part)):
            return problem
    path = folder / filename
    try:
        leaves = path == folder or not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return "leads through a link that leads to itself"
    return "leaves the folder {!r}" if leaves else None


def make_folder(folder: Path) -> None:
    """Create the folder and its parents; a HelpfulError says why that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileOperationError(
            f"The folder {folder} cannot be created: {error.strerror}",
            "Make room for it, or change what is in its way",
            f"ls -ld {folder}; df -h {folder.parent}",
        ) from error


def utc_stamp(moment: datetime | None = None) -> str:
    """Return the time as it stands in file names, in UTC: `2026-11-22T1430Z`."""
    return (moment or utc_now()).strftime("%Y-%m-%dT%H%MZ")


def output_path(config: OrgEnv, name: str, suffix: str) -> Path:
    """Return a free path in the output folder: `txo-prod-report_2026-11-22T1430Z.xlsx`.

    Within one minute, later files get a number: `..._2026-11-22T1430Z-2.xlsx`.
    """
    check_ids(config.org_id, config.env_type)
    stem = f"{config.org_id}-{config.env_type}-{name}_{utc_stamp()}"
    path = get_path(Dir.OUTPUT, f"{stem}{suffix}")
    number = 1
    while path.exists():
        number += 1
        path = get_path(Dir.OUTPUT, f"{stem}-{number}{suffix}")
    return path
