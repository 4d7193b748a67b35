"""Customers out of a file: what a row has to look like, and how one becomes a customer of the API."""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field

from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.orchestration import task
from txo_core.results import ItemResult
from txo_core.rows import InputRow, sync_record


class CustomerRow(InputRow):
    """A row of the customers file; the API gets `postal_code` as postalCode. A field without a default is required."""

    key_columns = ("no",)

    no: str = Field(title="No.", pattern=r"^C\d{4,}$", examples=["C0042"])
    name: str = Field(max_length=100)
    city: str | None = Field(None, max_length=60)
    postal_code: str | None = Field(None, max_length=20)
    email: str | None = Field(None, title="E-mail", pattern=r"^\S+@\S+\.\w+$", examples=["orders@company.example"])
    currency: Literal["CHF", "DKK", "EUR", "NOK", "PLN", "SEK"] | None = None
    credit_limit: Decimal | None = Field(None, ge=0, decimal_places=2)
    customer_since: date | None = Field(None, alias="createdOn")
    blocked: bool | None = None


@task(task_run_name="sync-customer-{item.row_key}")
def sync_customer(item: CustomerRow, config: TxoConfig) -> ItemResult:
    """Create or update one customer, found by its number; in a dry run only tell what would be done."""
    api = create_rest_api(config, use_cache=True)
    result = api.create_or_update("customers", item.payload(), key="no")
    return sync_record(item, result)
