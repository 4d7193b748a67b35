import contextlib
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests import exceptions as network

from tests.support.sandbox import API_KEY, Sandbox
from tests.support.scripted import Answer, FakeTime, ScriptedTransport, prepared, response_of
from txo_core.api_factory import create_rest_api, forget_shared
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiAuthenticationError, ApiError, CircuitOpenError
from txo_core.http.breaker import CircuitBreaker, Circuits
from txo_core.http.errors import ErrorMapping
from txo_core.http.failures import DeadlinePassed
from txo_core.http.policy import Options, Send, compose
from txo_core.http.sessions import Sessions
from txo_core.http.transport import PolicyAdapter
from txo_core.oauth import FixedToken
from txo_core.rest import RestClient

FAULT: Answer = (500, {"Content-Type": "text/xml"}, "<s:Envelope><s:Body><s:Fault/></s:Body></s:Envelope>")


class Line:
    """A breaker before a scripted network."""

    def __init__(self, *script: Answer, threshold: int = 3) -> None:
        self.time = FakeTime()
        self.network = ScriptedTransport(*script)
        self.breaker = CircuitBreaker(threshold, 60.0, clock=self.time.clock)
        self.send: Send = compose([self.breaker], self.network)

    def guess(self) -> Any:
        """Return what comes of a call that may ask for nothing."""
        return self.call(options=Options(guess=True))

    def call(self, path: str = "/customers", options: Options | None = None) -> Any:
        """Return the status, the error's name, or `open`."""
        try:
            return self.send(prepared(path=path, options=options)).status_code
        except CircuitOpenError:
            return "open"
        except (network.RequestException, ApiAuthenticationError) as error:
            return type(error).__name__


@pytest.mark.parametrize(
    "outage",
    [500, 502, 503, 504, network.ReadTimeout("x"), network.ConnectionError("x"), network.ChunkedEncodingError("x")],
)
def test_outages_in_a_row_open_the_circuit(outage: Answer) -> None:
    line = Line(*[outage] * 3)

    for _ in range(3):
        line.call()

    assert line.call() == "open"
    assert len(line.network.requests) == 3


@pytest.mark.parametrize("answer", [400, 401, 403, 404, 409, 412, 422, 429, 501, FAULT])
def test_a_mistake_of_ours_is_no_outage(answer: Answer) -> None:
    line = Line(*[answer] * 30)

    assert "open" not in [line.call() for _ in range(30)]


def test_a_success_in_between_starts_the_count_again() -> None:
    line = Line(503, 503, 200, 503, 503, 200)

    assert [line.call() for _ in range(6)] == [503, 503, 200, 503, 503, 200]


def test_what_did_not_leave_the_machine_says_nothing_about_the_server() -> None:
    line = Line(*[ApiAuthenticationError("no token"), network.SSLError("untrusted"), DeadlinePassed("over")] * 4)

    assert "open" not in [line.call() for _ in range(10)]


def test_the_rejection_says_when_to_come_back() -> None:
    line = Line(503, threshold=1)
    line.call()
    line.time.now += 20

    with pytest.raises(CircuitOpenError) as rejected:
        line.send(prepared(path="/customers?key=hidden"))

    assert (rejected.value.retry_after, rejected.value.retryable) == (40.0, True)
    assert str(rejected.value) == (
        "GET https://api.example.com/v1/customers was not sent: https://api.example.com has failed 1 times in a row,"
        " it is tried again in 40 s"
    )


def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    line = Line(503, 200, 200, threshold=1)

    assert [line.call(), line.call()] == [503, "open"]
    line.time.now += 60
    assert [line.call(), line.call()] == [200, 200]


def test_a_probe_that_fails_opens_it_again() -> None:
    line = Line(503, 503, threshold=1)

    line.call()
    line.time.now += 60
    assert [line.call(), line.call()] == [503, "open"]


def test_a_probe_that_says_nothing_makes_room_for_the_next() -> None:
    line = Line(503, ApiAuthenticationError("no token"), 200, threshold=1)

    line.call()
    line.time.now += 60
    assert [line.call(), line.call()] == ["ApiAuthenticationError", 200]


def test_origins_do_not_share_a_circuit() -> None:
    line = Line(503, 200, threshold=1)

    assert [line.call(), line.call("https://other.example.com/x"), line.call()] == [503, 200, "open"]


def test_half_open_admits_one_of_fifty_threads() -> None:
    time, sent, release = FakeTime(), Counter[str](), threading.Event()
    breaker = CircuitBreaker(1, 60.0, clock=time.clock)
    compose([breaker], ScriptedTransport(503))(prepared())
    time.now += 60
    arrived = threading.Barrier(50)

    def slow(request: PreparedRequest) -> Response:
        sent["probe"] += 1
        release.wait(5)
        return response_of(request, 200)

    def call() -> None:
        arrived.wait()
        try:
            compose([breaker], slow)(prepared())
        except CircuitOpenError:
            sent["rejected"] += 1
            if sent["rejected"] == 49:
                release.set()

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sent == {"probe": 1, "rejected": 49}


def test_a_probe_that_never_comes_back_does_not_stick_the_circuit() -> None:
    line = Line(503, 200, threshold=1)
    line.call()
    line.time.now += 60

    def lost(request: PreparedRequest) -> Response:
        line.time.now += 60
        assert line.call() == 200
        return response_of(request, 200)

    assert compose([line.breaker], lost)(prepared()).status_code == 200


@pytest.mark.parametrize(
    ("before", "in_turns", "sent"),
    [(0, (503, 200), 11), (0, (200, 503), 10), (20, (503, 200), 39), (500, (503, 200), 519)],
)
def test_half_of_the_recent_calls_open_it_too(before: int, in_turns: tuple[int, int], sent: int) -> None:
    """Ten calls are the fewest, the last twenty are looked at; here an outage and a success take turns."""
    line = Line(*[200] * before, *in_turns * 20, threshold=5)

    assert [line.call() for _ in range(sent + 1)].index("open") == sent


def test_a_third_of_the_calls_is_not_enough() -> None:
    line = Line(*[503, 200, 200] * 40)

    assert "open" not in [line.call() for _ in range(120)]


def test_what_was_long_ago_does_not_count() -> None:
    """At a call every ten seconds there are never ten in the window of a minute."""
    line = Line(*[503, 200] * 40)

    for _ in range(80):
        assert line.call() != "open"
        line.time.now += 10


def test_the_open_time_doubles_with_each_failed_probe_up_to_ten_minutes() -> None:
    line, waits = Line(*[503] * 20, threshold=1), []
    line.call()

    for _ in range(6):
        with pytest.raises(CircuitOpenError) as rejected:
            line.send(prepared())
        assert rejected.value.retry_after is not None
        waits.append(rejected.value.retry_after)
        line.time.now += rejected.value.retry_after
        line.call()

    assert waits == [60, 120, 240, 480, 600, 600]


def test_after_a_recovery_the_open_time_is_short_again() -> None:
    line = Line(503, 503, 200, 503, threshold=1)
    line.call()
    line.time.now += 60
    line.call()
    line.time.now += 120

    assert [line.call(), line.call()] == [200, 503]
    with pytest.raises(CircuitOpenError) as rejected:
        line.send(prepared())
    assert rejected.value.retry_after == 60


def test_after_a_recovery_old_failures_are_forgotten() -> None:
    line = Line(*[503] * 5, 200, *[503, 200] * 4, threshold=5)
    for _ in range(5):
        line.call()
    line.time.now += 60

    assert "open" not in [line.call() for _ in range(9)]


@pytest.mark.parametrize("late", [503, network.ReadTimeout("late"), 200])
def test_an_answer_to_a_call_from_before_the_opening_changes_nothing(late: Answer) -> None:
    """Fifty threads whose calls time out one after the other would keep it open for ever; one would close it."""
    line = Line(503, threshold=1)

    def slow(request: PreparedRequest) -> Response:
        line.call()
        line.time.now += 50
        if isinstance(late, BaseException):
            raise late
        return response_of(request, 503 if late == 503 else 200)

    with contextlib.suppress(network.ReadTimeout):
        compose([line.breaker], slow)(prepared())

    with pytest.raises(CircuitOpenError) as rejected:
        line.send(prepared())
    assert rejected.value.retry_after == 10


def test_nor_does_one_that_comes_after_the_recovery() -> None:
    line = Line(503, 200, 200, threshold=1)

    def slow(request: PreparedRequest) -> Response:
        line.call()
        line.time.now += 60
        assert line.call() == 200
        return response_of(request, 503)

    compose([line.breaker], slow)(prepared())

    assert line.call() == 200


def test_a_probe_that_is_given_up_for_lost_has_no_say_any_more() -> None:
    line = Line(503, 200, 200, threshold=1)
    line.call()
    line.time.now += 60

    def lost(request: PreparedRequest) -> Response:
        line.time.now += 60
        assert line.call() == 200
        return response_of(request, 503)

    compose([line.breaker], lost)(prepared())

    assert line.call() == 200


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(1), DeadlinePassed("over"), MemoryError()], ids=repr)
def test_a_probe_that_is_broken_off_makes_room_for_the_next(end: BaseException) -> None:
    line = Line(503, end, 200, threshold=1)
    line.call()
    line.time.now += 60

    with pytest.raises(type(end)):
        line.send(prepared())

    assert line.call() == 200


def test_breakers_of_different_settings_share_what_is_known_of_an_origin() -> None:
    """Two organizations with different configurations call the same server."""
    circuits, time = Circuits(), FakeTime()
    strict, patient = (CircuitBreaker(n, 60.0, time.clock, circuits) for n in (2, 50))
    network_down = ScriptedTransport(503, 503)

    for breaker in (patient, strict):
        compose([breaker], network_down)(prepared())

    with pytest.raises(CircuitOpenError):
        compose([patient], network_down)(prepared())
    circuits.clear()
    assert compose([patient], ScriptedTransport(200))(prepared()).status_code == 200


def test_each_change_of_state_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """With the origin, and nothing of the path or the query."""
    caplog.set_level(logging.INFO, "txo_core.http")
    line = Line(503, 503, 503, 503, 200, 200, threshold=3)
    path = "/customers?key=hidden"

    for _ in range(6):
        line.call(path)
    line.time.now += 60
    line.call(path)
    line.call(path)
    line.time.now += 120
    line.call(path)
    line.call(path)

    server = "https://api.example.com"
    probing = ("INFO", f"One call tries {server} again, others are held back until it has ended")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"{server} has failed 3 times in a row: nothing is sent there for 60 s"),
        probing,
        ("WARNING", f"{server} is still down: nothing is sent there for 120 s"),
        probing,
        ("INFO", f"{server} answers again, calls go on"),
    ]


def test_calls_that_succeed_take_no_lock() -> None:
    """Also while one of them is under way for long, or somebody holds the lock."""
    line = Line(503, *[200] * 40)
    line.call()
    circuit = line.breaker._circuits.of("https://api.example.com:443")

    with circuit.lock:
        assert [line.call() for _ in range(40)] == [200] * 40


def test_many_threads_lose_no_failure() -> None:
    """Each thread's outage counts: the circuit opens with exactly as many as the threshold says."""
    sent, threshold = Counter[int](), 200
    breaker, together = CircuitBreaker(threshold), threading.Barrier(20)

    def down(request: PreparedRequest) -> Response:
        sent[threading.get_ident()] += 1
        return response_of(request, 503)

    def work() -> None:
        together.wait()
        for _ in range(threshold):
            with contextlib.suppress(CircuitOpenError):
                compose([breaker], down)(prepared())

    run_threads(20, work)

    assert threshold <= sum(sent.values()) < threshold + 20


def run_threads(number: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- on real sockets -------------------------------------------------------------------------------------------------


class Live:
    """A client of the sandbox whose circuit opens after five outages, for as long as the test says."""

    def __init__(self, sandbox: Sandbox, timeout: float = 5.0) -> None:
        self.sandbox = sandbox
        self.time = FakeTime()
        breaker = CircuitBreaker(5, 60.0, clock=self.time.clock)
        self.adapter = PolicyAdapter([ErrorMapping(), breaker], timeout=timeout)
        self.sessions = Sessions(self.adapter, headers={"X-Api-Key": API_KEY})

    def call(self, path: str = "customers", base: str = "") -> str:
        """Return the status, or the name of the error."""
        try:
            return str(self.sessions.current().get(f"{base or self.sandbox.api_url}/{path}").status_code)
        except ApiError as error:
            return type(error).__name__ if error.status_code is None else str(error.status_code)

    def arrived(self) -> int:
        """Return how many requests the server has seen."""
        return int(self.sandbox.stats()["total"])


@pytest.fixture
def live(sandbox: Sandbox) -> Iterator[Live]:
    client = Live(sandbox)
    yield client
    client.sessions.close()


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("status=503", "503"), ("reset-after", "ApiOperationError"), ("truncate", "ApiOperationError")],
)
def test_after_five_outages_no_request_reaches_the_server(live: Live, fault: str, outcome: str) -> None:
    live.sandbox.faults([fault])

    outcomes = [live.call() for _ in range(10)]

    assert outcomes == [outcome] * 5 + ["CircuitOpenError"] * 5
    assert live.arrived() == 5


def test_a_server_that_does_not_answer_in_time_is_down(sandbox: Sandbox) -> None:
    live = Live(sandbox, timeout=0.2)
    sandbox.faults(["hang=2"])

    assert [live.call() for _ in range(6)] == ["ApiTimeoutError"] * 5 + ["CircuitOpenError"]


def test_a_port_where_nobody_listens_is_down(live: Live) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        outcomes = [live.call(base=nowhere) for _ in range(6)]

    assert outcomes == ["ApiOperationError"] * 5 + ["CircuitOpenError"]
    assert live.call() == "200"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429])
def test_answers_to_mistakes_of_ours_never_open_it(live: Live, status: int) -> None:
    live.sandbox.faults([f"status={status}"])

    assert [live.call() for _ in range(25)] == [str(status)] * 25
    assert live.arrived() == 25


@pytest.mark.parametrize("number", [20, 50])
def test_half_open_one_request_of_all_threads_reaches_the_server(live: Live, number: int) -> None:
    live.sandbox.faults([{"match": {}, "fault": "status=503", "times": 5}, "delay=0.3"])
    for _ in range(5):
        live.call()
    live.sandbox.clear_stats()
    live.time.now += 60
    together, outcomes = threading.Barrier(number), Counter[str]()

    def work() -> None:
        together.wait()
        outcomes[live.call()] += 1

    run_threads(number, work)

    assert outcomes == {"200": 1, "CircuitOpenError": number - 1}
    assert live.arrived() == 1


def test_two_organizations_share_the_circuit_of_a_server(sandbox: Sandbox) -> None:
    """Also where their configurations differ in what they put up with."""
    sandbox.faults(["status=503"])

    def client(org: str, threshold: int) -> RestClient:
        behavior = {"enable-circuit-breaker": True, "circuit-breaker-threshold": threshold}
        data = {
            "global": {"api-base-url": sandbox.api_url},
            "script-behavior": {**behavior, "api-timeouts": {"max-retries": 0}},
        }
        return create_rest_api(TxoConfig(org, "test", data), tokens=FixedToken("made-up-token"))

    try:
        with client("acme", 2) as strict, client("other", 100) as patient:
            for _ in range(2):
                with pytest.raises(ApiError):
                    strict.get("customers")
            with pytest.raises(CircuitOpenError):
                patient.get("customers")
    finally:
        forget_shared()
    assert sandbox.stats()["total"] == 2


def test_calls_of_ten_threads_run_side_by_side(live: Live) -> None:
    """Each holds the server until all ten have arrived, so that one after the other would never end well."""
    together = threading.Barrier(10, timeout=5)
    breaker, outcomes = CircuitBreaker(), list[int]()

    def meet(request: PreparedRequest) -> Response:
        together.wait()
        return response_of(request, 200)

    run_threads(10, lambda: outcomes.append(compose([breaker], meet)(prepared()).status_code))

    assert outcomes == [200] * 10


def test_guesses_neither_open_a_circuit_nor_try_a_server_again() -> None:
    """Reading ahead may go past the end of a list, where some servers answer 500."""
    line = Line(*[500] * 6, 200, threshold=3)

    for _ in range(3):
        assert line.guess() == 500
    assert [line.call(), line.call(), line.call()] == [500] * 3
    assert (line.call(), line.guess()) == ("open", "open")
    line.time.now += 61
    assert (line.guess(), line.call()) == ("open", 200)
