"""Files over HTTP, on real sockets: whole or not at all."""

import hashlib
import io
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from requests import PreparedRequest

from tests.support.sandbox import Sandbox
from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.exceptions import (
    ApiError,
    ApiOperationError,
    ApiTimeoutError,
    EntityNotFoundError,
    FileOperationError,
    ValidationError,
)
from txo_core.oauth import FixedToken
from txo_core.rest import RestClient


class Growing(io.FileIO):
    """A file that is longer each time one looks."""

    def __init__(self, path: Path) -> None:
        path.write_text("x" * 100_000)
        super().__init__(path, "r+b")

    def read(self, size: int | None = -1) -> bytes:
        with Path(str(self.name)).open("ab") as more:
            more.write(b"GET /health HTTP/1.1")
        return super().read(-1 if size is None else size) or b""


TIMEOUTS = {"rest-timeout-seconds": 0.5, "backoff-factor": 0.01, "async-poll-interval": 0.02}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RestClient]:
    data = {"global": {"api-base-url": sandbox.api_url}, "script-behavior": {"api-timeouts": TIMEOUTS}}
    with create_rest_api(TxoConfig("txo", "test", data), require_auth=False) as client:
        yield client


def fault(sandbox: Sandbox, path: str, kind: str, times: int = 1000) -> None:
    sandbox.faults([{"match": {"path": path}, "fault": kind, "times": times}])


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_comes_to_the_disk(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    saved = api.download(f"{sandbox.url}/files/1000000", tmp_path / "new" / "a.bin")

    assert saved == tmp_path / "new" / "a.bin"
    assert saved.stat().st_size == 1_000_000
    assert sha(saved.read_bytes()) == api.get(f"{sandbox.url}/files/1000000/sha256")["sha256"]


@pytest.mark.parametrize("kind", ["truncate", "reset-before", "status=503", "bad-gzip"])
def test_a_file_that_breaks_off_is_asked_for_again(
    api: RestClient, sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    fault(sandbox, "/files/300000", kind, times=2)

    saved = api.download(f"{sandbox.url}/files/300000", tmp_path / "a.bin")

    assert sha(saved.read_bytes()) == api.get(f"{sandbox.url}/files/300000/sha256")["sha256"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("truncate", ApiOperationError),
        ("status=500", ApiOperationError),
        ("status=404", EntityNotFoundError),
        ("status=204", ApiOperationError),
        ("hang=5", ApiTimeoutError),
    ],
)
def test_a_failed_download_leaves_the_old_file_and_nothing_else(
    api: RestClient, sandbox: Sandbox, tmp_path: Path, kind: str, error: type[ApiError]
) -> None:
    old = tmp_path / "a.bin"
    old.write_bytes(b"old")
    fault(sandbox, "/files/300000", kind)

    with pytest.raises(error):
        api.download(f"{sandbox.url}/files/300000", old)

    assert old.read_bytes() == b"old"
    assert list(tmp_path.glob("**/.txo-*")) == []


def test_a_file_larger_than_wanted_is_refused(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ApiOperationError, match="longer than 1000 B") as refused:
        api.download(f"{sandbox.url}/files/300000", tmp_path / "a.bin", max_bytes=1000)

    assert refused.value.attempts == 1
    assert list(tmp_path.glob("*.bin")) == []


def test_a_large_file_does_not_go_through_the_memory(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    """The peak of this process grows by far less than the file is long."""
    api.download(f"{sandbox.url}/files/1000", tmp_path / "small.bin")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = 64 * 1024 * 1024

    api.download(f"{sandbox.url}/files/{size}", tmp_path / "large.bin", timeout=30)

    assert (tmp_path / "large.bin").stat().st_size == size
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < size / 2


def test_a_full_disk_is_an_error_of_the_file(api: RestClient, sandbox: Sandbox) -> None:
    with pytest.raises(FileOperationError):
        api.download(f"{sandbox.url}/files/10", "/proc/self/no-such-place/a.bin")


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("size", "kind"), [(1_000_000, "delay=0"), (5000, "truncate"), (1000, "status=202")])
def test_a_disk_without_room_is_an_error_of_the_file_that_shows_nothing_of_the_request(
    sandbox: Sandbox, tmp_path: Path, size: int, kind: str
) -> None:
    """With `truncate`, it shows when the second attempt begins; with 202, when the result is there."""
    fault(sandbox, f"/files/{size}", kind, times=1)
    data = {"global": {"api-base-url": sandbox.api_url}, "script-behavior": {"api-timeouts": TIMEOUTS}}
    folder = tmp_path / "files"
    with (
        create_rest_api(TxoConfig("txo", "test", data), tokens=FixedToken("made-up-token")) as api,
        room_for(10),
        pytest.raises(FileOperationError, match="could not be saved") as error,
    ):
        api.download(f"{sandbox.url}/files/{size}?made-up=1", folder / "a.bin")

    assert not any("made-up" in text for text in texts_below(error.value))
    assert list(folder.iterdir()) == []


def texts_below(error: BaseException | None) -> Iterator[str]:
    """Yield what an error chains, and what stands in the frames below the client, requests with their headers."""
    while error is not None:
        yield repr(error) + str(error)
        trace = error.__traceback__
        while trace is not None:
            for value in trace.tb_frame.f_locals.values():
                if isinstance(value, PreparedRequest):
                    yield f"{value.url} {dict(value.headers)}"
            trace = trace.tb_next
        error = error.__cause__ or error.__context__


def test_the_result_of_a_long_operation_can_be_a_file(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    fault(sandbox, "/files/1000", "status=202", times=1)

    assert api.download(f"{sandbox.url}/files/1000", tmp_path / "a.bin").stat().st_size == 1000


def test_a_file_is_sent_from_the_disk(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("Söhne\n" * 1000, encoding="utf-8")

    echo = api.upload(f"{sandbox.url}/echo", source, content_type="text/plain", headers={"X-Note": "n"})

    assert echo["method"] == "PUT"
    assert echo["body"] == source.read_text(encoding="utf-8")
    assert (echo["headers"]["content-type"], echo["headers"]["x-note"]) == ("text/plain", "n")
    assert echo["headers"]["content-length"] == str(source.stat().st_size)


def test_an_empty_file_is_sent_as_one(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()

    assert api.upload(f"{sandbox.url}/echo", tmp_path / "a.txt")["headers"]["content-length"] == "0"


def test_a_repeated_upload_begins_at_the_beginning(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("x" * 200_000)
    fault(sandbox, "/echo", "status=503", times=2)

    assert len(api.upload(f"{sandbox.url}/echo", source)["body"]) == 200_000
    assert sandbox.stats()["requests"]["PUT /echo"] == 3


def test_what_a_file_gains_while_it_is_sent_is_left_out(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    """It would be read as the next request."""
    with Growing(tmp_path / "a.txt") as file:
        request = api._caller._sessions.prepare("PUT", f"{sandbox.url}/echo", {"Content-Length": "100000"}, file)
        echo = api._caller._sessions.send(request).json()

    assert len(echo["body"]) == 100_000
    assert api.get(f"{sandbox.url}/health") == {"status": "ok"}


def test_a_file_that_shrinks_while_it_is_sent_is_an_error_of_the_file(
    api: RestClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("x" * 50)
    with (tmp_path / "a.txt").open("rb") as file:
        request = api._caller._sessions.prepare("PUT", f"{sandbox.url}/echo", {"Content-Length": "100"}, file)
        with pytest.raises(FileOperationError, match="became shorter"):
            api._caller._sessions.send(request)

    assert api.get(f"{sandbox.url}/health") == {"status": "ok"}


def test_an_upload_that_nobody_reads_has_an_end(tmp_path: Path) -> None:
    source = tmp_path / "a.bin"
    source.write_bytes(b"x" * 20_000_000)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        over = threading.Event()

        def sip() -> None:
            peer, _ = listener.accept()
            with peer, suppress(OSError):
                while not over.wait(0.05):
                    peer.recv(2000)

        thread = threading.Thread(target=sip, daemon=True)
        thread.start()
        data = {"global": {"api-base-url": url}}
        with create_rest_api(TxoConfig("txo", "test", data), require_auth=False) as api, pytest.raises(ApiTimeoutError):
            api.upload(url, source, total_timeout=0.5, method="POST")
        over.set()
        thread.join(10)


def test_an_upload_by_post_is_sent_once(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    fault(sandbox, "/echo", "reset-after")

    with pytest.raises(ApiOperationError, match="may have done it all the same"):
        api.upload(f"{sandbox.url}/echo", tmp_path / "a.txt", method="POST")

    assert sandbox.stats()["requests"]["POST /echo"] == 1


def test_what_cannot_be_uploaded_is_said(api: RestClient, sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(FileOperationError, match="cannot be read"):
        api.upload(f"{sandbox.url}/echo", tmp_path / "missing.txt")
    with pytest.raises(FileOperationError, match="cannot be read"):
        api.upload(f"{sandbox.url}/echo", tmp_path)
    with pytest.raises(ValidationError, match="cannot be sent with GET"):
        api.upload(f"{sandbox.url}/echo", tmp_path, method="GET")

    assert sandbox.stats()["total"] == 0
