"""Write prefect.yaml from deployments/schedules.yaml: one deployment a script and organization-environment.

Usage:
    python deployments/prefect_yaml.py [--check | --deploy]

--check changes nothing and exits with 1 where prefect.yaml is not what schedules.yaml says.
--deploy also creates the work pool and brings the deployments to the Prefect server.
"""

import argparse
import json
import subprocess
import sys
import zoneinfo
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic import ValidationError as ModelError

from txo_core.environment import without_secrets
from txo_core.exceptions import ConfigurationError, HelpfulError
from txo_core.paths import check_ids
from txo_core.screen import EXIT_FAILED, EXIT_USAGE, say, show_error
from txo_core.script_runner import server_at_hand

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCE = REPOSITORY / "deployments" / "schedules.yaml"
TARGET = REPOSITORY / "prefect.yaml"
HEADER = "# Written by `make deployments` from deployments/schedules.yaml. Change that file, not this one.\n"
EXAMPLE = """deployments:
  - script: report
    for: [txo-prod]
    schedules:
      - cron: "0 6 * * 1-5"
        timezone: Europe/Stockholm"""


class Schedule(BaseModel):
    """When a script runs: a cron line or an interval in seconds, in a time zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: str | None = None
    interval: float | None = Field(None, gt=0)
    timezone: str = "UTC"
    active: bool = True

    @model_validator(mode="after")
    def one_kind(self) -> "Schedule":
        """Refuse a schedule with both kinds or with none."""
        if (self.cron is None) == (self.interval is None):
            raise ValueError("give either cron or interval")
        return self

    @model_validator(mode="after")
    def understood(self) -> "Schedule":
        """Refuse a cron line or a time zone that Prefect would refuse later, in the middle of a deploy."""
        if self.timezone not in zoneinfo.available_timezones():
            raise ValueError(f"there is no time zone {self.timezone!r}; use a name such as Europe/Stockholm")
        if self.cron is not None:
            check_cron(self.cron)
        return self


def check_cron(line: str) -> None:
    """Raise a ValueError for a cron line that Prefect's own schedule does not take."""
    from prefect.client.schemas.schedules import CronSchedule

    try:
        CronSchedule(cron=line)
    except ModelError:
        raise ValueError(f"{line!r} is not a cron line; use five fields, such as '0 6 * * 1-5'") from None


class Entry(BaseModel):
    """A script, for whom it runs, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    for_: list[str] = Field(alias="for", min_length=1)
    schedules: list[Schedule] = []


class Plan(BaseModel):
    """All of schedules.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    work_pool: str = Field("txo", alias="work-pool")
    deployments: list[Entry]


def main() -> int:
    """Write, check or deploy; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="only tell whether prefect.yaml is current")
    group.add_argument("--deploy", action="store_true", help="also bring it to the Prefect server")
    arguments = parser.parse_args()
    try:
        plan = read_plan(SOURCE)
        text = render(plan)
    except HelpfulError as error:
        show_error(error)
        return EXIT_USAGE
    current = TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
    if arguments.check:
        say("prefect.yaml is current" if current else "prefect.yaml is stale: run `make deployments`")
        return 0 if current else EXIT_FAILED
    TARGET.write_text(text, encoding="utf-8")
    say(f"prefect.yaml has {sum(len(entry.for_) for entry in plan.deployments)} deployments")
    if not arguments.deploy:
        return 0
    try:
        server_at_hand()
    except HelpfulError as error:
        show_error(error)
        return EXIT_USAGE
    return deploy(plan.work_pool)


def read_plan(source: Path) -> Plan:
    """Return the checked content of schedules.yaml; every problem is named at once."""
    try:
        plan = Plan.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{source.name} cannot be read: {error}", "Correct it", EXAMPLE) from None
    except ModelError as error:
        raise ConfigurationError(f"{source.name} has problems:\n{sentences(error)}", "Correct them", EXAMPLE) from None
    problems = [problem for entry in plan.deployments for problem in entry_problems(entry)] + repetitions(plan)
    if problems:
        raise ConfigurationError(f"{source.name} has problems:\n" + "\n".join(problems), "Correct them", EXAMPLE)
    return plan


def sentences(error: ModelError) -> str:
    """Return the model's complaints, one `path: sentence` a line."""
    return "\n".join(f"  {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())


def entry_problems(entry: Entry) -> list[str]:
    """Return what is wrong with an entry: a script that is not there, a name that is none."""
    problems = []
    if not (REPOSITORY / "flows" / f"{entry.script}.py").is_file():
        problems.append(f"  {entry.script}: there is no flows/{entry.script}.py")
    for name in entry.for_:
        try:
            check_ids(*split_name(name))
        except ConfigurationError as error:
            problems.append(f"  {entry.script}, {name}: {error.what_went_wrong}")
    return problems


def repetitions(plan: Plan) -> list[str]:
    """Return which deployments the plan names more than once."""
    names = Counter(f"{entry.script}/{name}" for entry in plan.deployments for name in entry.for_)
    return [f"  {name} stands there {count} times; keep one" for name, count in names.items() if count > 1]


def split_name(name: str) -> tuple[str, str]:
    """Return organization and environment of `<org>-<env>`; the environment has no hyphen."""
    org_id, _, env_type = name.rpartition("-")
    return org_id, env_type


def render(plan: Plan) -> str:
    """Return the text of prefect.yaml."""
    document = {
        "name": "txo",
        "pull": [{"txo_core.orchestration.use_this_repository": {}}],
        "deployments": [
            deployment(entry, name, plan.work_pool) for entry in plan.deployments for name in sorted(entry.for_)
        ],
    }
    return HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def deployment(entry: Entry, name: str, work_pool: str) -> dict[str, Any]:
    """Return one deployment as prefect.yaml has it."""
    org_id, env_type = split_name(name)
    return {
        "name": name,
        "entrypoint": f"flows/{entry.script}.py:{entry.script}",
        "parameters": {"org_id": org_id, "env_type": env_type},
        "enforce_parameter_schema": True,
        "tags": [org_id, env_type, entry.script.replace("_", "-")],
        "work_pool": {"name": work_pool},
        "schedules": [schedule(each, number) for number, each in enumerate(entry.schedules, start=1)],
    }


def schedule(each: Schedule, number: int) -> Mapping[str, Any]:
    """Return one schedule; its slug lets a later deploy change it instead of adding another."""
    kind: Literal["cron", "interval"] = "cron" if each.cron else "interval"
    value = each.cron or each.interval
    return {kind: value, "timezone": each.timezone, "active": each.active, "slug": f"schedule-{number}"}


def deploy(work_pool: str) -> int:
    """Create the process work pool where it is missing, then bring every deployment to the server."""
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    pools = subprocess.run(  # noqa: S603 - our own words
        [*prefect, "work-pool", "ls", "--output", "json"],
        cwd=REPOSITORY,
        env=without_secrets(),
        capture_output=True,
        text=True,
        check=False,
    )
    if pools.returncode:
        sys.stderr.write(pools.stderr)
        return EXIT_FAILED
    if work_pool not in {pool["name"] for pool in json.loads(pools.stdout or "[]")}:
        command = [*prefect, "work-pool", "create", work_pool, "--type", "process"]
        made = subprocess.run(command, cwd=REPOSITORY, env=without_secrets())  # noqa: S603 - our own words
        if made.returncode:
            return EXIT_FAILED
    deployed = subprocess.run([*prefect, "deploy", "--all"], cwd=REPOSITORY, env=without_secrets())  # noqa: S603 - same
    return deployed.returncode and EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
