"""A Prefect flow that does nothing, with as many tasks as the report: plain Prefect, its own defaults."""

from prefect import flow, task


@task
def nothing(number: int) -> int:
    """Return the number."""
    return number


@flow
def noop(org_id: str, env_type: str) -> None:
    """Run 45 tasks: 42 mapped, three called."""
    nothing(0)
    for future in nothing.map(range(42)):
        future.result()
    nothing(1)
    nothing(2)


if __name__ == "__main__":
    noop("demo", "test")
