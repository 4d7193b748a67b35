"""Files over HTTP: from the API to the disk, whole or not at all, and from the disk to the API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from requests import Response

from txo_core.atomic import atomic_write, explained
from txo_core.exceptions import ApiOperationError, FileOperationError, ValidationError
from txo_core.http.error_body import told_by
from txo_core.http.errors import called
from txo_core.http.headers import Headers
from txo_core.http.policy import call_of
from txo_core.rest.arguments import checked_headers, checked_path
from txo_core.rest.caller import parsed

Sender = Callable[..., Response]
"""What sends a call: `Caller.send`."""

T = TypeVar("T")

GIBIBYTE = 1024**3
LONGEST_FILE = 10 * GIBIBYTE
LONGEST_TRANSFER = 3600.0
OCTETS = "application/octet-stream"
UPLOAD_METHODS = ("PUT", "POST", "PATCH")


@dataclass(slots=True)
class FileSink:
    """Takes the body of an answer into a file; a new attempt starts the file anew."""

    file: BinaryIO
    path: Path
    max_bytes: int
    used: bool = False

    def begin(self) -> Callable[[bytes], object]:
        """Empty the file, and return what writes to it."""
        self.used = True
        with explained(self.path):
            self.file.seek(0)  # which writes first what an earlier attempt has left in the buffer
            self.file.truncate()
        return self.write

    def write(self, chunk: bytes) -> None:
        """Write a piece; an error of the disk is a FileOperationError, and none of the network."""
        with explained(self.path):
            self.file.write(chunk)


def download(send: Sender, url: str, path: str | Path, max_bytes: int = LONGEST_FILE, **options: Any) -> Path:
    """Return the path, where the body of the answer now lies; on any error what was there before is untouched.

    The body goes to the disk piece by piece. One that breaks off is asked for again, from its beginning.
    """
    target = checked_path(path)
    if not isinstance(max_bytes, int) or max_bytes < 0:
        raise ValidationError("max_bytes is no number of bytes", "Give a whole number", "max_bytes=1_000_000")
    headers = Headers({"Accept": "*/*"})
    headers.update(checked_headers(options.pop("headers", None)))

    def fetch() -> None:
        with atomic_write(target) as file:
            sink = FileSink(file, target, max_bytes)
            response = send("GET", url, headers=headers, sink=sink, **options)
            if response.status_code != 200:
                raise _nothing(response)
            if not sink.used:
                # The result of a long operation: another request brought it, and its body is in memory.
                sink.begin()(response.content)

    _bare(fetch)
    return target


def upload(
    send: Sender,
    url: str,
    path: str | Path,
    method: str = "PUT",
    content_type: str = OCTETS,
    **options: Any,
) -> Any:
    """Return what the API answers to the file, which is read while it is sent."""
    if method not in UPLOAD_METHODS:
        raise ValidationError(
            f"A file cannot be sent with {method}", "Use PUT, POST or PATCH", 'api.upload("files/a.pdf", path)'
        )
    headers = Headers({"Content-Type": content_type})
    headers.update(checked_headers(options.pop("headers", None)))
    with _opened(checked_path(path)) as file:
        return parsed(_bare(lambda: send(method, url, body=file, headers=headers, **options)))


def _bare(work: Callable[[], T]) -> T:
    """Return what the work does; an error of a file is raised anew, without a trace in which the request stands."""
    try:
        return work()
    except FileOperationError as error:
        told = FileOperationError(*error.args)
    raise told


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
        file.seek(0, 2)
        file.seek(0)
    except OSError as error:
        raise FileOperationError(
            f"{path} cannot be read: {error.strerror}", "Give the path of a file that is there", f"ls -l {path}"
        ) from None
    with file:
        yield file


def _nothing(response: Response) -> ApiOperationError:
    return ApiOperationError(
        f"{called(response.request)} answered {response.status_code}, which brings no file",
        code="no-file",
        **told_by(response),
        **call_of(response.request).facts,
    )
