"""The guide's whole script, as a user of the template has it: only the names of the modules are new.

Usage:
    python my_script.py <org_id> <env_type>
"""

from datetime import UTC, datetime
from typing import Any

from txo_core.api_factory import create_rest_api
from txo_core.config import TxoConfig
from txo_core.exceptions import ApiOperationError, HelpfulError
from txo_core.files import TxoDataHandler
from txo_core.logger import setup_logger
from txo_core.script_runner import parse_args_and_load_config

logger = setup_logger()
data_handler = TxoDataHandler()


def validate_config(config: TxoConfig) -> None:
    """Refuse a configuration without endpoints."""
    if "endpoints" not in config:
        raise HelpfulError(
            what_went_wrong="The configuration has no 'endpoints'",
            how_to_fix="Add that section",
            example='{"endpoints": {"api": "https://api.example.com"}}',
        )


def process_data(config: TxoConfig) -> list[dict[str, Any]]:
    """Return what the endpoint lists."""
    api = create_rest_api(config)

    try:
        endpoint = config["endpoints"]["api"]
        response = api.get(endpoint)
        rows: list[dict[str, Any]] = response.get("value", [])
        return rows
    except ApiOperationError as error:
        logger.error(f"The call failed: {error}")
        raise HelpfulError(
            what_went_wrong=f"No data could be fetched: {error}",
            how_to_fix="Look at endpoint and credentials",
            example="Is endpoints.api an address that you can open?",
        ) from error


def main() -> None:
    """Load, check, fetch, save."""
    config = parse_args_and_load_config("Saves the customers as JSON")

    org_id = config["_org_id"]
    env_type = config["_env_type"]

    logger.info(f"Starting for {org_id}-{env_type}")

    try:
        validate_config(config)

        data = process_data(config)
        logger.info(f"{len(data)} items")

        utc = datetime.now(UTC).strftime("%Y-%m-%dT%H%MZ")
        filename = f"{org_id}-{env_type}-output_{utc}.json"

        output_path = data_handler.save(data, "output", filename)
        logger.info(f"✅ Saved to: {output_path}")

    except HelpfulError:
        raise
    except Exception as error:
        logger.error(f"Unexpected: {error}", exc_info=True)
        raise HelpfulError(
            what_went_wrong=f"The script did not get through: {error}",
            how_to_fix="Read the log",
            example="Run it again with --debug",
        ) from error


if __name__ == "__main__":
    main()
