"""The pace as servers see it: requests counted where they arrive, from threads and processes of their own."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.nginx import Nginx
from tests.support.paced_caller import Calls, run_together
from tests.support.rounds import in_one_of
from tests.support.sandbox import Sandbox


def paced(rate: float | None, scope: str = "process") -> dict[str, Any]:
    if rate is None:
        return {}
    return {"enable-rate-limiting": True, "rate-limit-per-second": rate, "rate-limit-scope": scope}


@dataclass(frozen=True)
class Seen:
    """What a server saw: the most requests in any second, how many a second from the first to the last, and 429s."""

    in_a_second: int
    rate: float
    refused: int
    errors: str = ""


@dataclass(frozen=True)
class Scenario:
    """So many processes with so many threads each, at a server of their own; without a rate, as fast as they can."""

    rate: float | None
    threads: int
    processes: int = 1
    scope: str = "process"
    limit: float | None = None
    token_delay: float = 0.0

    def sandbox(self) -> Sandbox:
        return Sandbox(*(["--rate-limit", str(self.limit)] if self.limit else []))

    def calls(self, sandbox: Sandbox, seconds: float) -> Calls:
        if self.token_delay:
            sandbox.faults([{"match": {"path": "/oauth/token"}, "fault": f"delay={self.token_delay}"}])
        url = f"{sandbox.api_url}/customers('C0001')"
        return Calls(url, self.threads, seconds, paced(self.rate, self.scope), sandbox.token_url)


def seen_by(sandbox: Sandbox, errors: list[str]) -> Seen:
    at, stats = sandbox.arrivals("/api/"), sandbox.stats()
    rate = (len(at) - 1) / (at[-1] - at[0])
    return Seen(stats["max_per_second_api"], rate, stats["statuses"].get("429", 0), "".join(errors))


def too_slow(seen: list[Seen], scenarios: list[Scenario], least: float) -> list[Seen]:
    pairs = zip(seen, scenarios, strict=True)
    return [one for one, scenario in pairs if scenario.rate and one.rate < least * scenario.rate]


def play(scenarios: list[Scenario], seconds: float, home: Path) -> list[Seen]:
    """Return what the server of each scenario saw; all run at the same time, to save some."""
    with ExitStack() as stack:
        sandboxes = [stack.enter_context(scenario.sandbox()) for scenario in scenarios]
        owners = [n for n, scenario in enumerate(scenarios) for _ in range(scenario.processes)]
        programs = [scenarios[n].calls(sandboxes[n], seconds).prepare(home) for n in owners]
        screens = run_together(programs)
        errors = [[text for n, text in zip(owners, screens, strict=True) if n == own] for own in range(len(scenarios))]
        return [seen_by(sandbox, own) for sandbox, own in zip(sandboxes, errors, strict=True)]


@pytest.mark.slow
@pytest.mark.alone
@in_one_of(3)
def test_ten_a_second_are_never_eleven_and_hardly_less_whatever_the_threads_and_processes(tmp_path: Path) -> None:
    scenarios = [
        Scenario(10, threads=1),
        Scenario(10, threads=10),
        Scenario(10, threads=50),
        Scenario(10, threads=4, processes=3, scope="host"),
        Scenario(50, threads=8),
    ]

    seen = play(scenarios, 21, tmp_path)

    assert [one.errors for one in seen] == [""] * 5
    assert [one.in_a_second for one in seen[:4]] == [10] * 4
    assert too_slow(seen, scenarios, 0.95) == []


@pytest.mark.slow
@pytest.mark.alone
@in_one_of(3)
def test_neither_slow_tokens_nor_the_headers_of_an_even_limit_spoil_the_pace(tmp_path: Path) -> None:
    """Who waits for a token holds no slot; `r=0;t=1` after each request is the next slot, rounded up.

    And where no limit is configured, ten threads soon find out about that of the server, and slow down together.
    """
    scenarios = [
        Scenario(10, threads=10, token_delay=1.5),
        Scenario(9, threads=10, limit=10),
        Scenario(9, threads=1, limit=10),
        Scenario(None, threads=10, limit=20),
    ]

    seen = play(scenarios, 7, tmp_path)

    assert [one.errors for one in seen] == [""] * 4
    assert [one for one in seen[:3] if one.in_a_second > 10] == []
    assert too_slow(seen, scenarios, 0.9) == []
    assert seen[3].refused < 20
    assert seen[3].rate > 4


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(Nginx.program() is None, reason="nginx is not installed here")
@in_one_of(2)
def test_nginx_without_a_burst_turns_nothing_away(tmp_path: Path) -> None:
    """`limit_req rate=10r/s` wants 100 ms between any two; one thread and ten, at nine a second, for a minute."""
    with Nginx(tmp_path / "one", "10r/s") as one, Nginx(tmp_path / "ten", "10r/s") as ten:
        calls = [Calls(one.url, 1, 60.0, paced(9)), Calls(ten.url, 10, 60.0, paced(9))]

        errors = run_together([each.prepare(tmp_path) for each in calls])

        statuses = [server.statuses() for server in (one, ten)]
    assert errors == ["", ""]
    assert [set(counts) for counts in statuses] == [{200}] * 2
    assert [counts[200] for counts in statuses if counts[200] < 0.95 * 9 * 60] == []
