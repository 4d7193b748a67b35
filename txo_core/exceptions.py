"""The errors of TXO, one small tree.

TxoError
├── ScriptError                     a script's own mistake, told without the secret that it held
├── HelpfulError                    problem, solution, example: shown to a person without a stack trace
│   ├── ConfigurationError          a configuration, a credentials block or an argument is not usable
│   │   └── MissingKeyError         a script's own key is not in the configuration (also a KeyError)
│   ├── ValidationError             data is not what it has to be
│   └── FileOperationError          a file could not be read or written
└── ApiError                        a call to an API failed: status, code, attempts, whether a repeat may help
    ├── ApiAuthenticationError      401, 403, or no token to be had
    ├── EntityNotFoundError         404, 410
    ├── ApiRateLimitError           429: `retry_after` says when
    ├── ApiTimeoutError             408, 504, or no answer in time
    ├── CircuitOpenError            not sent: the API is down, `retry_after` says when it is tried again
    └── ApiOperationError           every other failure

All of them pickle, carry data as attributes, and say one sentence with `str()`.
"""

from collections.abc import Sequence


class TxoError(Exception):
    """Anything that TXO itself raises."""


class ScriptError(TxoError):
    """A mistake of a script's own code, in one sentence; its traceback says where."""


class HelpfulError(TxoError):
    """An error for a person: what went wrong, how to fix it, and an example."""

    def __init__(self, what_went_wrong: str, how_to_fix: str = "", example: str = "") -> None:
        super().__init__(what_went_wrong, how_to_fix, example)

    @property
    def what_went_wrong(self) -> str:
        """The problem, in one sentence or a few lines."""
        return str(self.args[0])

    @property
    def how_to_fix(self) -> str:
        """What the reader can do about it; may be empty."""
        return str(self.args[1])

    @property
    def example(self) -> str:
        """A line to type or to copy; may be empty."""
        return str(self.args[2])

    def __str__(self) -> str:
        parts = [f"❌ Problem: {self.what_went_wrong}"]
        if self.how_to_fix:
            parts.append(f"✅ Solution: {self.how_to_fix}")
        if self.example:
            parts.append(f"📝 Example:\n{self.example}")
        return "\n" + "\n\n".join(parts)


class ConfigurationError(HelpfulError):
    """A configuration file, a credentials block or an argument cannot be used."""


class MissingKeyError(ConfigurationError, KeyError):
    """A key that a script asks for is not in its configuration."""


class ValidationError(HelpfulError):
    """Data is not what it has to be."""


class FileOperationError(HelpfulError):
    """A file could not be read or written."""


class ApiError(TxoError):
    """A call to an API failed; the attributes say how far it came and whether a repeat may help.

    `status_code` is None where no answer came. `attempts` counts the requests that were sent or tried,
    `retry_after` is in seconds, `retryable` says that the same call may succeed later, `in_doubt` that the server may
    have done what it was asked for, although the call failed. `resume_token` is a text without
    credentials, with which an operation or a list that broke off goes on where it was.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        retryable: bool = False,
        request_id: str | None = None,
        details: Sequence[str] = (),
        resume_token: str | None = None,
        in_doubt: bool = False,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        self.attempts = attempts
        self.retry_after = retry_after
        self.retryable = retryable
        self.request_id = request_id
        self.details = tuple(details)
        self.resume_token = resume_token
        self.in_doubt = in_doubt

    @property
    def message(self) -> str:
        """The sentence alone, as `str()` gives it."""
        return str(self.args[0])


class ApiOperationError(ApiError):
    """A call failed in a way that none of the other errors names."""


class ApiAuthenticationError(ApiError):
    """The API does not accept the credentials, or no token could be had."""


class EntityNotFoundError(ApiError):
    """There is no such thing at the API (404, 410)."""


class ApiRateLimitError(ApiError):
    """The API refuses more calls for now (429)."""


class ApiTimeoutError(ApiError):
    """No answer came in time."""


class CircuitOpenError(ApiError):
    """Nothing was sent: too many calls have failed, the API gets a pause."""
