"""A caller of the sandbox who is allowed in."""

from dataclasses import dataclass
from typing import Any

import requests

from tests.support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox


@dataclass
class Caller:
    """Calls the API with the demo key; paths are relative to /api/v1 unless they begin with a slash."""

    sandbox: Sandbox
    session: requests.Session
    bearer: str = ""

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer; redirects are not followed."""
        options.setdefault("allow_redirects", False)
        options.setdefault("timeout", 5)
        if not path.startswith("http"):
            path = self.sandbox.url + path if path.startswith("/") else f"{self.sandbox.api_url}/{path}"
        return self.session.request(method, path, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """The answer to a GET."""
        return self("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """The answer to a POST."""
        return self("POST", path, **options)

    def rows(self, path: str, **options: Any) -> list[dict[str, Any]]:
        """The rows of all pages."""
        rows: list[dict[str, Any]] = []
        url: str | None = path
        while url:
            page = self.get(url, **options).json()
            rows += page["value"]
            url = page.get("@odata.nextLink")
        return rows

    def token(self) -> str:
        """A new access token."""
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token: str = self.post("/oauth/token", data=form, headers={"X-Api-Key": None}).json()["access_token"]
        return token
