"""Which task runs this process began, so that a temporary server can be held until it knows the end of them all."""

import threading


class TaskRunLedger:
    """Takes down task runs and the flow runs that they belong to; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[str, str] = {}

    def note(self, task_run_id: object, flow_run_id: object) -> None:
        """Take down a task run and the flow run that it belongs to."""
        with self._lock:
            self._begun[str(task_run_id)] = str(flow_run_id)

    def task_runs(self) -> int:
        """Return how many task runs have begun."""
        return len(self._begun)

    def flow_runs(self) -> list[str]:
        """Return the ids of the flow runs that they belong to."""
        return sorted(set(self._begun.values()))


ledger = TaskRunLedger()
