"""Tokens that show by their shape what they are; hashes, paths and names that only look like them stay."""

import random
import string

import pytest

from txo_core.redaction import MASK, MASK_OF_JWT, redact

BASE62, BASE36, HEX = string.ascii_letters + string.digits, string.ascii_lowercase + string.digits, "0123456789abcdef"
CONTEXTS = (
    "{}",
    "found {} in the environment",
    "args=('{}',)",
    "[{}] ok",
    'checked "{}" twice',
    "GET /x/{}/y",
    "value={}",
)


def made_up(letters: str, length: int, seed: int = 3) -> str:
    """Return a body as dice make it; no scanner takes this file for one that holds tokens."""
    return "".join(random.Random(f"{seed}{letters}").choices(letters, k=length))


FAMILIES = {
    "github": f"ghp_{made_up(BASE62, 36)}",
    "github, fine-grained": f"github_pat_{made_up(BASE62, 22)}_{made_up(BASE62, 59)}",
    "gitlab": f"glpat-{made_up(BASE62, 20)}",
    "slack": f"xoxb-123456789012-123456789012-{made_up(BASE62, 24)}",
    "npm": f"npm_{made_up(BASE62, 36)}",
    "pypi": f"pypi-AgEIcHlwaS5vcmc{made_up(BASE62, 60)}",
    "stripe": f"sk_live_{made_up(BASE62, 24)}",
    "openai": f"sk-proj-{made_up(BASE62, 48)}",
    "prefect": f"pnu_{made_up(BASE62, 36)}",
    "digital ocean": f"dop_v1_{made_up(HEX, 64)}",
    "shopify": f"shpat_{made_up(HEX, 32)}",
    "hugging face": f"hf_{made_up(BASE62, 34)}",
    "vault": f"hvs.{made_up(BASE62, 24)}",
    "vault, older": f"s.{made_up(BASE62, 24)}",
    "aws": f"AKIA{made_up(string.ascii_uppercase + '234567', 16)}",
    "google": f"AIza{made_up(BASE62, 35)}",
    "sendgrid": f"SG.{made_up(BASE62, 22)}.{made_up(BASE62, 43)}",
    "twilio": f"SK{made_up(HEX, 32)}",
    "databricks": f"dapi{made_up(HEX, 32)}",
    "mailchimp": f"{made_up(HEX, 32)}-us14",
    "entra id": f"abc8Q~{made_up(BASE62, 34)}",
    "paseto": f"v4.local.{made_up(BASE62, 80)}",
    "an unknown prefix": f"zorg_{made_up(BASE62, 24)}",
    "an unknown prefix, small letters": f"zorg-{made_up(BASE36, 28)}",
    "two unknown prefixes": f"zorg_live_{made_up(BASE62, 20)}",
    "no prefix": made_up(BASE62, 28),
    "hex of 40": made_up(HEX, 40),
    "hex of 64": made_up(HEX, 64),
    "base64": made_up(BASE62 + "+/", 86) + "==",
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("context", CONTEXTS)
def test_a_token_needs_no_name(family: str, context: str) -> None:
    token = FAMILIES[family]
    if family.startswith(("hex", "base64")) and context.startswith("GET"):
        pytest.skip("in a path it may be a hash, or names")

    out = redact(context.format(token))

    assert MASK in out
    assert not any(token[i : i + 10] in out for i in range(len(token) - 9))
    assert out.startswith(context.partition("{}")[0])
    assert out.endswith(context.partition("{}")[2])
    assert redact(out) == out


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_a_json_web_token_has_a_mask_of_its_own(parts: int) -> None:
    token = "eyJ" + ".".join(made_up(BASE62 + "-_", 40, seed) for seed in range(parts))

    assert redact(f"got {token} from the server") == f"got {MASK_OF_JWT} from the server"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\\n"])
def test_a_json_web_token_that_is_broken_over_lines_is_one(line_break: str) -> None:
    token = "eyJ" + ".".join(made_up(BASE62 + "-_", 90, seed) for seed in range(3))
    lines = [token[i : i + 76] for i in range(0, len(token), 76)]

    out = redact(line_break.join(["access token:", *lines]))

    assert not any(line[:12] in out or line[-12:] in out for line in lines)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://hooks.example.com/services/T012/B34/", "https://hooks.example.com/services/"),
        ("https://example.com/api/webhooks/123456789/", "https://example.com/api/webhooks/"),
    ],
)
def test_of_the_address_of_a_webhook_its_own_part_is_masked(text: str, clean: str) -> None:
    assert redact(f"POST {text}{made_up(BASE62, 24)} failed") == f"POST {clean}{MASK} failed"


def test_a_hash_of_a_password_is_masked() -> None:
    assert redact(f"anna:$2b$12${made_up(BASE62, 53)}:1001") == f"anna:{MASK}:1001"


@pytest.mark.parametrize("digits", [40, 64, 128])
@pytest.mark.parametrize(
    "text",
    [
        *(
            "commit {}",
            "git_sha={}",
            "sha256:{}",
            "sha512-{}",
            "digest {}",
            'ETag: "{}"',
            'etag=W/"{}"',
            "checksum: {}",
        ),
        *(
            "thumbprint {} expires",
            '"integrity": "sha512-{}"',
            "HEAD is now at {} fix",
            "image@sha256:{}",
            "revision {}",
        ),
        *("GET /objects/d8/{}", "/var/lib/base/{}", "$skiptoken=X'{}'", "$skiptoken=X%27{}%27", "a.git@{}"),
    ],
)
def test_a_marked_hash_stays(text: str, digits: int) -> None:
    line = text.format(made_up(HEX, digits))

    assert redact(line) == line


def test_data_of_an_image_stays() -> None:
    line = f'<img src="data:image/png;base64,iVBORw0KGgo{made_up(BASE62, 200)}=="/>'

    assert redact(line) == line


def test_the_name_of_a_hash_does_not_save_what_is_no_hash() -> None:
    """The marker has to be a word, and right before."""
    token = made_up(HEX, 40)

    assert token not in redact(f"a thread {token}")
    assert token not in redact(f"commit failed for {token}")
