"""The REST client: JSON in, JSON out, lists, batches, files and operations that take long."""

from txo_core.rest.arguments import encoded
from txo_core.rest.batch import BatchAnswer, BatchRequest, BatchResult
from txo_core.rest.caller import IDEMPOTENCY_HEADER, CallOptions, parsed
from txo_core.rest.client import DEFAULT_HEADERS, RestClient
from txo_core.rest.delta import Changes
from txo_core.rest.operations import Operation

__all__ = [
    "DEFAULT_HEADERS",
    "IDEMPOTENCY_HEADER",
    "BatchAnswer",
    "BatchRequest",
    "BatchResult",
    "CallOptions",
    "Changes",
    "Operation",
    "RestClient",
    "encoded",
    "parsed",
]
