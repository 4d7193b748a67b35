"""A token that the server no longer accepts: one new one, one more try."""

import logging
from dataclasses import dataclass

from requests import PreparedRequest, Response

from txo_core.http.policy import Send
from txo_core.http.retry import rewound
from txo_core.http.sign import Signer

logger = logging.getLogger("txo_core.http")


@dataclass(frozen=True)
class Renewal:
    """Sends once more after a 401, if there is a new token to sign with. A 401 was not acted on, so any method may.

    If that is a 401 as well, it is final, and the provider hears of it: where every call is turned away, whatever its
    token, each would else cost a token request too.
    """

    signer: Signer

    def __call__(self, request: PreparedRequest, send: Send) -> Response:
        """Send the request, a second time if its token was rejected."""
        response = send(request)
        if response.status_code == 401 and rewound(request) and self.signer.renew(response.request):
            logger.info("The API did not accept the token any more: renewed it, and send the request again")
            response = send(request)
            judge = getattr(self.signer, "judge", None)
            if callable(judge):
                judge(response.request, response.status_code != 401)
        return response
