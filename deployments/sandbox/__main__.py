"""Runs the sandbox: `python -m deployments.sandbox`."""

from __future__ import annotations

import sys

from . import constants
from .options import StartProblem, parse_options
from .server import serve

WELCOME = """TXO sandbox: a made-up ERP to play with. It listens on this machine only.

  REST and OData   {url}/api/v1/customers     (also orders, items)
  token endpoint   {url}/oauth/token
  SOAP             {url}/soap/customers?wsdl
  what arrived     {url}/stats?format=html

Made-up credentials:
  client id {client_id}, client secret {client_secret}
  header X-Api-Key: {api_key}
  user {username}, password {password}

Try:
  curl -H 'X-Api-Key: {api_key}' "{url}/api/v1/customers('C0001')"
  curl -X POST {url}/admin/profile/demo        (a bad day: errors that a good client heals)

Ctrl+C stops it.
"""


def main() -> int:
    """The exit code: 0 after a normal end, 2 if it could not start."""
    try:
        options = parse_options(sys.argv[1:])

        def announce(url: str, second_url: str | None) -> None:
            if not options.quiet:
                sys.stdout.write(_welcome(url))
                sys.stdout.write(f"The same on another origin: {second_url}\n" if second_url else "")
            sys.stdout.write(f"sandbox ready on {url}\n")
            sys.stdout.flush()

        serve(options, announce)
    except StartProblem as problem:
        sys.stderr.write(str(problem))
        return 2
    return 0


def _welcome(url: str) -> str:
    return WELCOME.format(
        url=url,
        client_id=constants.CLIENT_ID,
        client_secret=constants.CLIENT_SECRET,
        api_key=constants.API_KEY,
        username=constants.USERNAME,
        password=constants.PASSWORD,
    )


if __name__ == "__main__":
    sys.exit(main())
