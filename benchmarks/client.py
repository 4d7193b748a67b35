"""What the REST client costs beside requests alone and the clients of others, and how near it keeps to the ideal.

Usage:
    python benchmarks/client.py [--rounds 15] [--calls 100]

All take turns in one process against a server in another one, which has its answers ready. CPU is that of this process,
in microseconds a call, and the ratio is to a bare `requests.Session().get(url).json()` of the same round. All policies
are on, with a limit that never holds. azure-core and dlt take part if they are installed:
    pip install -r requirements.lock --no-deps && pip install azure-core dlt      # in an environment of their own
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import requests
import urllib3

from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.oauth import FixedToken
from txo_core.rest import RestClient
from txo_core.tally import counting

HERE = Path(__file__).resolve().parent
TOKEN = "made-up-token-of-the-benchmark"  # noqa: S105 - made up
Work = Callable[[], object]


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server() as base, counting():  # calls are counted as in a run
        os.environ["TXO_HOME"] = folder
        per_call(base, arguments.rounds, arguments.calls)
        pull(base, arguments.rounds)
        offset_pages(base, "short")
        offset_pages(base, "rows")
        paced(base)
    imports()


@contextmanager
def server() -> Iterator[str]:
    """Run the lean server and yield its address."""
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, str(HERE / "lean_server.py"), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own words
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def client(base: str, **behavior: Any) -> RestClient:
    """Return our client with every policy on."""
    settings = {"enable-rate-limiting": True, "rate-limit-per-second": 1_000_000, "enable-circuit-breaker": True}
    data = {"global": {"api-base-url": base}, "script-behavior": settings | behavior}
    return create_rest_api(TxoConfig("txo", "test", data), tokens=FixedToken(TOKEN))


def compare(title: str, works: dict[str, Work], rounds: int, calls: int) -> None:
    """Let the works take turns, and print CPU and wall time of each and its ratio to the first."""
    cpu: dict[str, list[float]] = {name: [] for name in works}
    wall: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            cpu_start, wall_start = time.process_time(), time.perf_counter()
            for _ in range(calls):
                work()
            if number:  # the first round opens connections and fills caches
                cpu[name].append((time.process_time() - cpu_start) / calls)
                wall[name].append((time.perf_counter() - wall_start) / calls)
    sys.stdout.write(f"\n{title}, median of {rounds} rounds of {calls}\n")
    first = next(iter(works))
    for name in works:
        ratio = statistics.median(mine / its for mine, its in zip(cpu[name], cpu[first], strict=True))
        sys.stdout.write(
            f"  {name:<44} CPU {statistics.median(cpu[name]) * 1e6:9.0f} us  x {ratio:4.2f}"
            f"   wall {statistics.median(wall[name]) * 1e6:9.0f} us\n"
        )


def per_call(base: str, rounds: int, calls: int) -> None:
    """One small entity a call."""
    url = f"{base}/entity"
    bare, lean, pool, ours = requests.Session(), requests.Session(), urllib3.PoolManager(), client(base)
    lean.trust_env = False
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    works: dict[str, Work] = {
        "requests.Session().get().json()": lambda: bare.get(url, headers=bearer).json(),
        "the same with trust_env=False": lambda: lean.get(url, headers=bearer).json(),
        "urllib3 alone": lambda: json.loads(pool.request("GET", url, headers=bearer).data),
        "RestClient.get, all policies": lambda: ours.get("entity"),
        "RestClient.get, debug log to file": logged(lambda: ours.get("entity")),
        **peers(base),
    }
    compare("One call", works, rounds, calls)


def logged(work: Work) -> Work:
    """Return the work with the log of a script switched on around it."""
    from txo_core.logs.file import DayFileHandler
    from txo_core.logs.records import install

    install()
    log, handler = logging.getLogger("txo_core"), DayFileHandler()
    logging.getLogger("urllib3").setLevel(logging.WARNING)

    def run() -> object:
        log.addHandler(handler)
        log.setLevel(logging.DEBUG)
        try:
            return work()
        finally:
            log.setLevel(logging.WARNING)
            log.removeHandler(handler)

    return run


def peers(base: str) -> dict[str, Work]:
    """Return what others offer, as far as it is installed."""
    works: dict[str, Work] = {}
    try:
        works["azure-core PipelineClient"] = azure(base)
    except ImportError:
        sys.stdout.write("azure-core is not installed\n")
    try:
        works["dlt RESTClient"] = dlt(base)
    except ImportError:
        sys.stdout.write("dlt is not installed\n")
    return works


def azure(base: str) -> Work:
    """Return a call of azure-core's pipeline, with the policies that its own clients have."""
    from azure.core import PipelineClient
    from azure.core.credentials import AccessToken
    from azure.core.pipeline import policies
    from azure.core.rest import HttpRequest

    class Fixed:
        def get_token(self, *scopes: str, **_: Any) -> Any:
            return AccessToken(TOKEN, 4_000_000_000)

    chain = [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy("txo-benchmark"),
        policies.ContentDecodePolicy(),
        policies.RedirectPolicy(),
        policies.RetryPolicy(),
        policies.BearerTokenCredentialPolicy(Fixed(), "scope"),
        policies.HttpLoggingPolicy(),
    ]
    azure_client = PipelineClient(base, policies=chain)
    return lambda: azure_client.send_request(HttpRequest("GET", f"{base}/entity"), enforce_https=False).json()


def dlt(base: str) -> Work:
    """Return a call of dlt's client."""
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

    dlt_client = RESTClient(base, auth=BearerTokenAuth(TOKEN))
    return lambda: dlt_client.get("entity").json()


def pull(base: str, rounds: int) -> None:
    """20,000 rows in pages of 500, by the server's links."""
    bare, ours = requests.Session(), client(base)

    def loop() -> int:
        rows, url = 0, f"{base}/rows"
        while url:
            page = bare.get(url).json()
            for _ in page["value"]:
                rows += 1
            url = page.get("@odata.nextLink")
        assert rows == 20_000
        return rows

    def paginate() -> int:
        rows = 0
        for _ in ours.paginate("rows"):
            rows += 1
        assert rows == 20_000
        return rows

    compare("20,000 rows in pages of 500", {"bare loop": loop, "RestClient.paginate": paginate}, rounds, 1)


def offset_pages(base: str, path: str, times: int = 9) -> None:
    """40 pages of 500 rows, each 50 ms away, by 8 workers: the ideal is 40 / 8 * 50 ms.

    Beside it a bare loop with as many threads, which knows all the URLs beforehand, and one that does not even parse.
    """
    from txo_core.paginators import Offset

    ours, pool = client(base), urllib3.PoolManager(maxsize=8)
    urls = [f"{base}/{path}?$skip={skip}&wait=50" for skip in range(0, 20_000, 500)]

    def bare(look: Callable[[bytes], int]) -> int:
        with ThreadPoolExecutor(8) as threads:
            return sum(threads.map(lambda url: look(pool.request("GET", url).data), urls))

    works: dict[str, Work] = {
        "urllib3 in 8 threads, not parsed": lambda: bare(lambda body: 500 if body else 0),
        "urllib3 in 8 threads": lambda: bare(lambda body: len(json.loads(body)["value"])),
        "RestClient.paginate, 8 workers": lambda: sum(
            1 for _ in ours.paginate(f"{path}?wait=50", paging=Offset("$skip", "$top", size=500), workers=8)
        ),
    }
    size = len(pool.request("GET", urls[0]).data) // 1000
    sys.stdout.write(f"\n40 pages of {size} kB at 50 ms by offset, median of {times}\n")
    walls: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(times):
        for name, work in works.items():
            start = time.perf_counter()
            assert work() == 20_000
            walls[name].append(time.perf_counter() - start)
    for name, times_of in walls.items():
        wall = statistics.median(times_of)
        sys.stdout.write(f"  {name:<44} {wall * 1000:4.0f} ms, {0.25 / wall:.2f} of the ideal\n")


def paced(base: str, rate: int = 50, seconds: int = 10) -> None:
    """The rate that a limiter of 50 a second reaches at the server, and the most in any second."""
    ours, plain = client(base, **{"rate-limit-per-second": rate}), requests.Session()
    ours.get("entity")
    time.sleep(1)
    plain.get(f"{base}/arrivals")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: ours.get("entity"), range(rate * seconds)))
    arrivals: list[float] = plain.get(f"{base}/arrivals").json()
    reached = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    most = max(sum(1 for other in arrivals if 0 <= other - start < 1) for start in arrivals)
    sys.stdout.write(
        f"\nThe limiter at {rate}/s, 8 threads, {len(arrivals)} calls\n  {reached:.1f}/s, {reached / rate:.3f} of the"
        f" rate; {most} in the fullest second\n"
    )


def imports(times: int = 7) -> None:
    """What importing the factory costs, and what of it is not loaded."""
    code = (
        "import sys, time; start = time.process_time(); import txo_core.api_factory;"
        "print(time.process_time() - start, *sorted({'prefect', 'pandas', 'zeep'} & set(sys.modules)))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds = []
    for _ in range(times + 1):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent, env=environment)  # noqa: S603 - our own words
        cost, *heavy = done.stdout.split()
        seconds.append(float(cost))
    sys.stdout.write(
        f"\nimport txo_core.api_factory, median of {times}\n  CPU {statistics.median(seconds[1:]):.2f} s;"
        f" of Prefect, pandas and zeep it loads {', '.join(heavy) or 'none'}\n"
    )


if __name__ == "__main__":
    main()
