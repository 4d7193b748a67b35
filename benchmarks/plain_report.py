"""The report without Prefect and without resilience: the same calls, the same workbook."""

import os

import requests

from txo_core.config_loader import load_config
from txo_core.report import write_report
from txo_core.results import ItemResult, ProcessingResults

CLIENT = {"client_id": "demo-client", "client_secret": "demo-secret-not-a-real-one"}
COLUMNS = ("no", "name", "city", "postalCode", "email", "balance", "currency", "createdOn", "blocked")


def main() -> None:
    """Fetch every customer, one after the other, and write the workbook."""
    config = load_config("demo", "test")
    base = os.environ["TXO_DEMO_TEST_API_BASE_URL"]
    session = requests.Session()
    answer = session.post(
        os.environ["TXO_DEMO_TEST_ENDPOINTS_AUTH"], {"grant_type": "client_credentials", **CLIENT}, timeout=10
    )
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    results = ProcessingResults()
    url: str | None = f"{base}/customers?$select=no,name,city"
    while url:
        page = session.get(url, timeout=10).json()
        for customer in page["value"]:
            results.add(fetch(session, base, customer["no"]))
        url = page.get("@odata.nextLink")
    write_report(config, "plain", results)


def fetch(session: requests.Session, base: str, number: str) -> ItemResult:
    """Return one customer as a record."""
    answer = session.get(f"{base}/customers/{number}", timeout=10)
    if answer.status_code == 503:
        answer = session.get(f"{base}/customers/{number}", timeout=10)
    if answer.status_code == 404:
        return ItemResult(number, "skipped", "gone")
    customer = answer.json()
    return ItemResult(number, "ok", value={column: customer.get(column) for column in COLUMNS})


if __name__ == "__main__":
    main()
