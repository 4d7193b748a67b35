"""Load files in a process of its own and print what each cost, as a line of JSON: seconds of CPU, MiB, and the outcome.

Usage:
    python tests/support/load_cost.py <file in data>...
"""

import json
import resource
import sys
import time

from txo_core.exceptions import HelpfulError
from txo_core.files import TxoDataHandler


def main() -> None:
    """Load each file, and say what it cost beyond the one before."""
    handler = TxoDataHandler()
    handler.load("data", "ordinary.xlsx")
    for name in sys.argv[1:]:
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        try:
            handler.load("data", name)
            outcome = "loaded"
        except HelpfulError as error:
            outcome = error.what_went_wrong
        except Exception as error:
            outcome = f"raw {type(error).__name__}"
        seconds = time.process_time() - began
        mebibytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        sys.stdout.write(json.dumps([name, seconds, mebibytes, outcome]) + "\n")


if __name__ == "__main__":
    main()
