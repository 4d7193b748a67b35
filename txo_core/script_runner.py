"""Running a script: from the command line to a flow run, and from its state to an exit code."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, cast

from txo_core.clock import stopping
from txo_core.command_line import common_parser, parse_flow_arguments
from txo_core.config import TxoConfig
from txo_core.config_loader import load_config
from txo_core.exceptions import ConfigurationError, HelpfulError, TxoError
from txo_core.interrupts import EXIT_INTERRUPTED, MESSAGE
from txo_core.logger import configure
from txo_core.logs.scrubbing import sentence
from txo_core.redaction import redact
from txo_core.screen import (
    EXIT_FAILED,
    EXIT_TERMINATED,
    EXIT_USAGE,
    SavedFiles,
    conclude,
    exit_code_of,
    helpful,
    show_error,
    write,
)

if TYPE_CHECKING:
    from prefect import Flow, State

logger = logging.getLogger("txo_core.script_runner")


def load_run_config(org_id: str, env_type: str) -> TxoConfig:
    """Return the configuration of a run: as `load_config`, and `config["_token"]` answers with a valid token.

    `config.secret(name)` answers too. Both ask the credentials block of the organization and environment, when they are
    asked, for a secret once. In a flow whose parameter `dry_run` is set, clients made of it write nothing.
    """
    config = load_config(org_id, env_type)
    if config.dry_run:
        logger.info("Dry run: the API is only read, nothing is written")

    def token() -> str:
        from txo_core.api_factory import token_for

        return token_for(config)

    @cache
    def secret(name: str) -> str:
        from txo_core.credentials import secret  # loads Prefect

        return secret(org_id, env_type, name)

    return config.with_token(token).with_secrets(secret)


def parse_args_and_load_config(description: str) -> TxoConfig:
    """Return the configuration that the command line names: `python my_script.py <org_id> <env_type> [--debug]`.

    From then on a HelpfulError that nobody catches is shown without a stack trace, and the exit code says what it was.
    """
    sys.excepthook = show_uncaught
    arguments = common_parser(description).parse_args()
    configure(debug=arguments.debug)
    return load_run_config(arguments.org_id, arguments.env_type)


def show_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an uncaught error: ours in words, others with a stack trace, all without secrets."""
    if issubclass(kind, KeyboardInterrupt):
        write(sys.stderr, MESSAGE)
        return
    if isinstance(error, TxoError):
        logger.debug("The script ended with an error", exc_info=error)
        show_error(helpful(error))
        raise SystemExit(exit_code_of(error))
    logger.critical("The script ended with an unexpected error", exc_info=(kind, error, trace))


def run_cli(flow: "Flow[..., Any]") -> NoReturn:
    """Run a flow as the command line says, and exit with 0 (well), 1 (failed), 2 (usage), 130 (interrupted).

    Further parameters of the flow are flags: `dry_run: bool = False` is `--dry-run`; `--help` lists them.
    """
    arguments, parameters = parse_flow_arguments(flow.fn)
    configure(debug=arguments.debug)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminate)
    signal.signal(signal.SIGINT, interrupt)
    names = f"{arguments.org_id} {arguments.env_type}"
    try:
        code = run_flow(flow, arguments.org_id, arguments.env_type, parameters)
    except KeyboardInterrupt:
        write(sys.stderr, MESSAGE)
        code = EXIT_INTERRUPTED
    except TxoError as error:
        show_error(helpful(error, names))
        code = exit_code_of(error)
    except Exception as error:
        logger.critical("The run could not go on", exc_info=error)
        fix = "The log file has every step; see that the Prefect server is up, then run again"
        show_error(HelpfulError(f"The run could not go on: {sentence(error)}", fix, f"python {sys.argv[0]} {names}"))
        code = EXIT_FAILED
    leave(code)


def run_flow(flow: "Flow[..., Any]", org_id: str, env_type: str, parameters: Mapping[str, Any] | None = None) -> int:
    """Run the flow where it has its place, say how it ended, and return the exit code."""
    saved = SavedFiles()
    check_config(org_id, env_type)
    with run_place():
        state = cast("State[Any]", flow(org_id, env_type, return_state=True, **(parameters or {})))
        keep_records()
    return conclude(state, saved.paths, f"{org_id} {env_type}")


def leave(code: int) -> NoReturn:
    """End the program; without waiting to send records to a Prefect server that has gone."""
    if code == EXIT_USAGE:
        sys.exit(code)  # nothing has begun that a server could have on record
    try:
        server_at_hand()
    except ConfigurationError:
        problem = "The Prefect server has gone in the middle; what it has on record of this run is not complete"
        show_error(HelpfulError(problem, "Start it and run again; files that were saved are whole", "make server"))
        os._exit(code or EXIT_FAILED)
    sys.exit(code)


def check_config(org_id: str, env_type: str) -> None:
    """Refuse a configuration that cannot be used before a server is started for it; the run itself logs its sources."""
    with quiet("txo_core.config"):
        load_config(org_id, env_type)


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Keep what this logger says at INFO and below to itself meanwhile."""
    target = logging.getLogger(name)
    level = target.level
    target.setLevel(logging.WARNING)
    try:
        yield
    finally:
        target.setLevel(level)


def interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Wake whoever waits and end the run; a second Ctrl-C does not wait for calls that are still under way."""
    if stopping.is_set():
        from txo_core.server.temporary import stop_at_once

        stop_at_once()
        os._exit(EXIT_INTERRUPTED)
    stopping.set()
    raise KeyboardInterrupt


def terminate(number: int, frame: FrameType | None) -> NoReturn:
    """End as on Ctrl-C when somebody ends the process or closes its terminal, so that nothing stays behind."""
    stopping.set()
    write(sys.stderr, MESSAGE.replace("Interrupted", f"Ended from outside ({signal.Signals(number).name})"))
    raise SystemExit(EXIT_TERMINATED)


def run_place() -> AbstractContextManager[Any]:
    """Return where the run takes place: a server at hand, or else a temporary one, started here; say which."""
    url = server_at_hand()
    if url:
        logger.info("Prefect server: %s", url)
        return nullcontext()
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from txo_core.server.temporary import start_temporary_server

    start_temporary_server()
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})


def server_at_hand() -> str | None:
    """Return the URL of the Prefect server that is set; a ConfigurationError where none answers there."""
    import requests
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        return None
    try:
        requests.get(f"{url}/health", timeout=10).raise_for_status()
    except requests.RequestException as error:
        forget = "unset PREFECT_API_URL" if "PREFECT_API_URL" in os.environ else "prefect config unset PREFECT_API_URL"
        raise ConfigurationError(
            f"No Prefect server answers at {redact(url)}, where PREFECT_API_URL points ({type(error).__name__})",
            "Start it, or run without a server of your own",
            f"make server\nor: {forget}",
        ) from None
    return str(url)


def keep_records() -> None:
    """Hold a temporary server until it has every state of the run; a server that stays needs no waiting."""
    from prefect.settings import PREFECT_API_URL

    from txo_core.runs.ledger import ledger

    if not PREFECT_API_URL.value():
        from txo_core.server.temporary import wait_until_recorded

        wait_until_recorded(ledger.flow_runs(), ledger.task_runs())
