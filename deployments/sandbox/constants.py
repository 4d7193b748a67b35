"""The made-up credentials and fixed facts of the sandbox."""

CLIENT_ID = "demo-client"
CLIENT_SECRET = "demo-secret-not-a-real-one"  # noqa: S105  made up, works on the sandbox only
API_KEY = "demo-api-key-not-a-real-one"
USERNAME = "demo-user"
PASSWORD = "demo-password-not-a-real-one"  # noqa: S105  made up, works on the sandbox only

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
PORT_VARIABLE = "TXO_SANDBOX_PORT"

API_PREFIX = "/api/v1"
CUSTOMERS_PAGE_SIZE = 20
MAX_PAGE_SIZE = 500
MAX_BATCH_PARTS = 100

GONE_CUSTOMER = "C0013"
FLAKY_CUSTOMER = "C0007"
