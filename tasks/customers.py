"""Customers of an organization: the list, and one by one."""

from typing import Any

from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.exceptions import EntityNotFoundError
from txo_core.logger import setup_logger
from txo_core.orchestration import task
from txo_core.results import ItemResult, skipped
from txo_core.urls import build_api_url

logger = setup_logger()

Customer = dict[str, Any]
Row = dict[str, Any]

COLUMNS = ("no", "name", "city", "postalCode", "email", "balance", "currency", "createdOn", "blocked")


@task(task_run_name="list-customers")
def list_customers(config: TxoConfig) -> list[Customer]:
    """Return every customer as the list shows it: number, name, city."""
    api = create_rest_api(config, use_cache=True)
    customers = list(api.paginate("customers", {"$select": "no,name,city"}))
    logger.info(f"[{config.env_type}:customers] {len(customers)} customers")
    return customers


@task(task_run_name="fetch-customer-{item[no]}")
def fetch_customer(item: Customer, config: TxoConfig) -> Row | ItemResult:
    """Return one customer as a row of the report; one that is gone is skipped, not failed."""
    url, ctx = build_api_url(config, "customers", item["no"])
    logger.debug(f"{ctx} Fetching customer")
    try:
        customer = create_rest_api(config, use_cache=True).get(url)
    except EntityNotFoundError as error:
        return skipped(f"{ctx} {error}")
    return {column: customer.get(column) for column in COLUMNS}
