"""What is no secret stays as it is: our own lines, business keys, hashes, and talk about secrets."""

import json

import pytest

from txo_core.redaction import redact

GUID = "9f7cb96a-1af6-456a-88e0-ae130df6ab4e"
OURS = f"""
Processing started for txo-prod: 42 customers
3 ok, 1 skipped, 1 failed
Saved output/txo-prod-report_2026-11-22T1756Z.xlsx (3 rows)
GET https://api.example.com/v2.0/{GUID}/Production/api/v2.0/companies({GUID})/salesInvoices
GET https://api.example.com/v1/customers('C0001')
etag W/"JzE5OzEyMzQ1Njc4OTAxMjM0NTY3ODk7MDA7Jw=="
"@odata.etag":"W/\\"JzIwOzE4MTQ0ODQ1NjY3ODk2NjQ2NTQxMTswMDsn\\""
If-Match: W/"JzE5OzE0MzY0NTg5ODQ1NjM0NTY3ODk7MDA7Jw=="
fetch-customer-C0013: skipped, because it has no e-mail address
Invoice 103217 of 2026-01-15 posted as SI-2026-000123, journal 22403828566288428033
request-id {GUID}, Retry-After: 30
429 Too Many Requests, Retry-After: Sun, 22 Nov 2026 18:06:54 GMT
{{"systemId":"{GUID}","number":"10000","displayName":"Adatum Corporation","modified":"2026-01-15T14:30:05.123Z"}}
customer key {GUID} is unknown
partition key acme-2026-11-22T17:56:21.123456Z-18864
Flow run 'amber-lynx' - Created task run 'fetch-customer-C0013-0' for task 'fetch-customer'
Circuit breaker opened for https://api.example.com after 5 failures
/home/anna/.config/txo/logs/app_2026-11-22.log
C:\\Users\\anna\\AppData\\Local\\Temp\\tmpab12cd34\\report.xlsx
dbo.Sales_Invoice_Line_Archive_Meadow_Consolidated_Reporting_View_815
calling getCustomerByIdFromV2Api and X509Certificate2Collection of Win32_OperatingSystem64BitEdition
Package_for_KB2928120~31bf3856ad364e35~amd64~~6.1.1.2 and manylinux_2_17_x86_64.manylinux2014_x86_64 installed
class VeryLongCamelCaseIntegrationServiceFactoryImplementationHarborBean loaded
correlation_id={GUID} trace_id=62bb13a844e0ba55e77091d5d1616d62 span_id=34b7e9e334b7e9e3
IBAN SE4550000000058398257466, amount 1 234,56 SEK, VAT no SE556677889901
"code":"Internal_EntityWithSameKeyExists","message":"The record in table Customer already exists."
INSERT INTO audit (id, actor) VALUES ('{GUID}', 'sa')
========================================================
""".strip().split("\n")
TALK = """
No token endpoint is configured for txo-prod: add oauth.token-endpoint
The token of the client expires in 3599 s and is renewed
The secret 'client-secret' is missing. Solution: python deployments/provision.py txo prod
api-key-header: X-Api-Key
KeyError: 'access_token'
Bearer token is missing; Basic authentication is not configured
WWW-Authenticate: Basic realm="api"
Failed password for invalid user webmaster from 173.234.31.186 port 38926 ssh2
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=185.190.58.151
FATAL: password authentication failed for user "prefect"
password=SecretStr('**********')
token=None
'password': None
"tokens": []
client_secret={{ prefect.blocks.secret.txo }}
access_token=${ACCESS_TOKEN}
password = os.environ["DB_PASSWORD"]
token = self._source.token(call)
headers["Authorization"] = f"Bearer {token}"
def __init__(self, tokens: TokenProvider | None = None) -> None:
tokens_used=1532 max_tokens=4096
pass=12 fail=0
signature=valid
grant_type=password is deprecated
SharedAccessKeyName=RootManageSharedAccessKey
private_key_path=/etc/ssl/private/txo.key
secret_name=txo-prod-client-secret
Password must be at least 12 characters long
{"password": "This field is required."}
PWD=/srv/app OLDPWD=/root
https://user@example.com/path and https://example.com:8443/api
SessionTracker: session 0x14ee3e057ed002c expired
token=android.os.BinderProxy@1e2d3c4
sort_key=created_at, foreign key CustomerNo, public key registered
error_code=AADSTS50034 zip_code=11122 exit code: 1
--token must not be given on the command line
""".strip().split("\n")


@pytest.mark.parametrize("line", OURS)
def test_our_own_lines_stay(line: str) -> None:
    assert redact(line) == line


@pytest.mark.parametrize("line", TALK)
def test_lines_that_only_talk_of_secrets_stay(line: str) -> None:
    assert redact(line) == line


def test_all_of_it_stays_in_one_text_too() -> None:
    text = "\n".join(OURS)

    assert redact(text) == text


@pytest.mark.parametrize("line", OURS)
def test_in_json_they_stay_too(line: str) -> None:
    text = json.dumps({"time": "2026-09-22T06:29:35.827000", "level": "INFO", "message": line})

    assert redact(text) == text
