"""Many items side by side: every one accounted for, the order of the input kept."""

from txo_core.concurrency.arguments import same_for_all
from txo_core.concurrency.maps import batch_process, parallel_map, rate_limited_parallel
from txo_core.concurrency.result import ParallelResult, Unread

__all__ = ["ParallelResult", "Unread", "batch_process", "parallel_map", "rate_limited_parallel", "same_for_all"]
