"""A script that does everything wrong with its secrets that a script can do, run as a program of its own by a test.

Usage:
    python tests/support/leaky_flow.py <org_id> <env_type>
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from prefect import tags
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, create_table_artifact
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.variables import Variable

from tasks.output import publish_summary
from txo_core import credentials
from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiOperationError, HelpfulError
from txo_core.fan_out import run_each
from txo_core.logger import setup_logger
from txo_core.orchestration import flow, task
from txo_core.redaction import register_secret
from txo_core.results import ItemResult, ProcessingResults, skipped
from txo_core.runs.publishing import publish_event, publish_link, publish_markdown, publish_table, set_variable, tagged
from txo_core.script_runner import load_run_config, run_cli

logger = setup_logger()

register_secret(os.environ["LEAKY_PASSWORD"])
MODE = os.environ["LEAKY_MODE"]
HANDED_OUT = Path(os.environ["LEAKY_FILE"])


def own_name() -> str:
    """Name the flow run after the first secret that the machine's owner has."""
    return f"leaky-{os.environ['LEAKY_PASSWORD']}"


@task(task_run_name="handle-{item}", tags=["tag-" + os.environ["LEAKY_PASSWORD"]])
def handle(item: str, config: TxoConfig) -> Any:
    """Do with the item what no task should do."""
    kind, _, secret = item.partition(":")
    logger.info("handling %s", item, extra={"sent": {"with": secret}, "plain": secret})
    if kind == "skip":
        return skipped(f"because of {secret}")
    if kind == "fail":
        return ItemResult("", "failed", f"because of {secret}")
    if kind == "raise":
        error = ValueError(f"text {secret}", {"args": [secret]}, secret.encode())
        error.add_note(f"note {secret}")
        raise error from KeyError(f"cause {secret}")
    if kind == "ours":
        raise ApiOperationError(f"POST /x?key={secret} answered 400", code=secret, details=[secret])
    if kind == "helpful":
        raise HelpfulError(f"wrong {secret}", f"not {secret}", secret)
    return {"no": 1, "echo": secret}


def key_of(context: Any, parameters: dict[str, Any]) -> str:
    """Name a stored result after the secret in it."""
    return f"key-{parameters['value']}"


@task(task_run_name="keep-{value}", persist_result=True, cache_key_fn=key_of)
def keep(value: str) -> dict[str, Any]:
    """Return a result that is stored."""
    return {"kept": value, "more": [value, {"in": value}]}


@task(retries=1, retry_delay_seconds=0.1, task_run_name="again")
def fail_again(secret: str) -> None:
    """Fail twice: the state in between waits for the next try."""
    raise OSError(f"try with {secret}")


@task(log_prints=True)
def talk(secret: str) -> None:
    """Use Prefect's own ways of talking, and Python's."""
    get_run_logger().warning("Prefect's logger by %s", secret)
    print("printed by", secret)
    print("printed elsewhere by", secret, file=sys.stderr)
    try:
        raise LookupError(secret)
    except LookupError:
        traceback.print_exc()
    sys.exit(f"ended by {secret}")


@flow(name="leaky-part", flow_run_name="part-{note}", retries=1, retry_delay_seconds=0)
def part(org_id: str, env_type: str, note: str) -> None:
    """Take a secret under a name that does not tell, and fail with it, twice."""
    raise RuntimeError(f"part with {note}")


def go_past_us(secret: str) -> None:
    """Use Prefect's functions for what it stores, of which our own have nothing to clean then."""
    create_markdown_artifact(f"# {secret}", key="direct-markdown", description=secret)
    create_table_artifact([{"row": secret}], key="direct-table")
    create_progress_artifact(5, key="direct-progress", description=secret)
    Variable.set(f"direct_{MODE}", {"value": secret}, overwrite=True)
    emit_event("direct.event", resource={"prefect.resource.id": f"direct.{secret}"}, payload={"deep": [secret]})
    with tags(f"direct-{secret}"):
        keep.with_options(name=f"direct-{secret}")("plain")


@task(task_run_name="last")
def killed(secrets: list[str]) -> None:
    """End in the middle, after the lines of the log have been sent."""
    logger.warning("about to go with %s", secrets)
    time.sleep(4)
    os.kill(os.getpid(), signal.SIGKILL)


@flow(name="leaky", flow_run_name=own_name)
def leaky(org_id: str, env_type: str) -> ProcessingResults:
    """Let every secret out by every door."""
    config = load_run_config(org_id, env_type)
    block = credentials.load(org_id, env_type)
    secrets = {**credentials.secrets_of(block), "token": config["_token"]}
    assert config.secret("sftp-password") == secrets["sftp-password"]
    HANDED_OUT.write_text(json.dumps(secrets))
    rows = list(create_rest_api(config).paginate("customers", {"$top": "3", "api_key": secrets["api_key"]}))
    kinds = ["ok", "skip", "fail", "raise", "ours", "helpful"] if MODE != "success" else ["ok", "skip"]
    items = [f"{kind}:{secret}" for secret in secrets.values() for kind in kinds]
    results = run_each(handle, config, items)
    for item in items if MODE == "failure" else ():
        handle(item, config, return_state=True)  # by itself, so that its error meets Prefect and not run_each
    publish_summary(config, "leaky", results)
    for secret in secrets.values():
        publish_everything(secret, rows)
        go_past_us(secret)
        talk(secret, return_state=True)
        fail_again(secret, return_state=True)
        part(org_id, env_type, secret, return_state=True)
        print("printed at the end by", secret)
    if MODE == "killed":
        killed(list(secrets.values()))
    if MODE == "failure":
        raise ValueError(*secrets.values()) from RuntimeError(str(secrets))
    return results


def publish_everything(secret: str, rows: list[Any]) -> None:
    """Let a secret out at every place where Prefect stores something."""
    publish_table("leaky-table", [{"row": secret, secret: 1, "deep": {"er": [secret]}}, *rows], secret)
    publish_markdown("leaky-markdown", f"# {secret}", secret)
    publish_link("leaky-link", f"https://example.com/?key={secret}", secret, secret)
    set_variable(f"leaky_{MODE}", {"value": secret})
    publish_event("leaky.event", f"leaky.{secret}", {"payload": secret})
    with tagged(f"tag-{secret}"):
        keep(secret)
    warnings.warn(f"warned of {secret}", UserWarning, stacklevel=1)
    thread = threading.Thread(target=fail, args=(secret,))
    thread.start()
    thread.join()
    try:
        raise OSError(5, secret, secret)
    except OSError:
        logger.exception("failed with %r", {"all": secret}, stack_info=True)


def fail(secret: str) -> None:
    """Fail in a thread."""
    raise RuntimeError(secret)


if __name__ == "__main__":
    run_cli(leaky)
