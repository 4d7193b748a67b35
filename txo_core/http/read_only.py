"""Nothing is written: a request that could change something at the server is refused before it leaves."""

from requests import PreparedRequest, Response

from txo_core.exceptions import HelpfulError
from txo_core.http.origins import address_of
from txo_core.http.policy import Send

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class ReadOnly:
    """Lets reads pass, and refuses everything else; the outermost policy of a client in a dry run."""

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Return the answer to a read; a HelpfulError for a request of any other method."""
        if str(request.method).upper() in READING:
            return send(request)
        raise HelpfulError(
            f"This is a dry run, and {request.method} {address_of(request.url or '')} could write: it was not sent",
            "Write by create_or_update, which says what it would do, or ask config.dry_run before you send",
            'if config.dry_run:\n    return would_be_created(order)\napi.post("orders", order)',
        )
