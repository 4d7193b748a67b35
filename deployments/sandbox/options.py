"""The command line of the sandbox."""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import constants


@dataclass(frozen=True)
class SandboxOptions:
    """What the sandbox was started with; `rate_limit` is requests per second and credential, None for no limit."""

    host: str = constants.DEFAULT_HOST
    port: int = constants.DEFAULT_PORT
    second_port: int | None = None
    seed: int = 42
    token_lifetime: float = 3600
    rate_limit: float | None = None
    rate_limit_burst: int = 1
    page_size: int = 100
    faults: str | None = None
    quiet: bool = False
    ready_file: Path | None = None


class StartProblem(Exception):
    """Why the sandbox cannot start, what to do, and an example."""

    def __init__(self, problem: str, solution: str, example: str) -> None:
        super().__init__(problem)
        self.problem, self.solution, self.example = problem, solution, example

    def __str__(self) -> str:
        return f"❌ Problem: {self.problem}\n\n✅ Solution: {self.solution}\n\n📝 Example:\n{self.example}\n"


def parse_options(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> SandboxOptions:
    """The options of a command line. Raises StartProblem for a host that is not loopback or a port that is none."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.sandbox",
        description="A stand-in for a customer's ERP: REST, OData, SOAP and OAuth on loopback, with faults on demand.",
    )
    add = parser.add_argument
    add("--host", default=constants.DEFAULT_HOST, help="loopback address to listen on (default %(default)s)")
    add("--port", type=_port, default=None, help=f"0 for a free one (default ${constants.PORT_VARIABLE}, else 8765)")
    add("--second-port", type=_port, default=None, help="the same API on another origin; 0 for a free port")
    add("--seed", type=int, default=42, help="other seed, other data (default %(default)s)")
    add("--token-lifetime", type=_positive, default=3600, metavar="SECONDS", help="default %(default)s")
    add("--rate-limit", type=_positive, default=None, metavar="N", help="requests per second under /api, else 429")
    add("--rate-limit-burst", type=_count, default=1, metavar="N", help="requests that may come at once (default 1)")
    add("--page-size", type=_count, default=100, metavar="N", help="rows a page of orders and items (default 100)")
    add("--faults", default=None, metavar="SPEC", help="'demo', a fault such as status=503, or a JSON file of rules")
    add("--quiet", action="store_true", help="print the ready line only")
    add("--ready-file", type=Path, default=None, metavar="PATH", help="write port, pid and url there when ready")
    values = vars(parser.parse_args(arguments))
    if values["port"] is None:
        values["port"] = _port_of(environ.get(constants.PORT_VARIABLE, ""))
    _require_loopback(values["host"])
    return SandboxOptions(**values)


def _port_of(text: str) -> int:
    if not text:
        return constants.DEFAULT_PORT
    try:
        return _port(text)
    except argparse.ArgumentTypeError as error:
        raise StartProblem(
            f"{constants.PORT_VARIABLE} is '{text}', and {error}.",
            "Set it to a port between 0 and 65535, or take it out of the environment.",
            f"{constants.PORT_VARIABLE}=8765 python -m deployments.sandbox",
        ) from error


def _require_loopback(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise StartProblem(
            f"The sandbox was asked to listen on '{host}', which other machines may reach.",
            "Use a loopback address: the sandbox has published credentials and an open admin interface.",
            "python -m deployments.sandbox --host 127.0.0.1",
        )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return value


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)
