"""One task for many items: every item gets an outcome, none stops the others, the order is kept."""

from txo_core.fan_out.batches import run_batches
from txo_core.fan_out.each import run_each

__all__ = ["run_batches", "run_each"]
