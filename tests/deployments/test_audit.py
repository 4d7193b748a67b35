"""What the audit says of locked packages; the database that it asks is a small server of our own."""

import json
from collections.abc import Mapping

import pytest

from deployments import audit
from tests.support.recorder import Received, Recorder, Reply

LOCK = """# a note
requests==2.32.4 \\
    --hash=sha256:00
sqlalchemy[asyncio]==2.0.40 ; python_version >= "3.11" \\
    --hash=sha256:00
uvloop==0.21.0 ; sys_platform != "win32" \\
    --hash=sha256:00
"""


def knowing(vulnerable: Mapping[str, str]) -> Recorder:
    """Run a database that knows a vulnerability of some packages."""

    def answer(received: Received) -> Reply:
        asked = json.loads(received.body)["queries"]
        names = [query["package"]["name"] for query in asked]
        results = [{"vulns": [{"id": vulnerable[name]}]} if name in vulnerable else {} for name in names]
        return 200, {"Content-Type": "application/json"}, json.dumps({"results": results}).encode()

    return Recorder(answer)


def run(service: str) -> int:
    return audit.main(["--service", service])


def test_every_pin_of_the_lock_is_asked_about() -> None:
    """S46: extras and markers are no part of a name."""
    assert audit.locked(LOCK) == [("requests", "2.32.4"), ("sqlalchemy", "2.0.40"), ("uvloop", "0.21.0")]
    assert len(audit.locked(audit.LOCK.read_text())) > 80


def test_a_known_vulnerability_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """S46."""
    with knowing({"requests": "GHSA-made-up"}) as service:
        assert run(service.url) == 1

    assert "requests 2." in (said := capsys.readouterr().out)
    assert "GHSA-made-up" in said


def test_one_that_does_not_touch_us_is_accepted_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """S46."""
    monkeypatch.setattr(audit, "ACCEPTED", {"GHSA-made-up": "only on Windows"})
    with knowing({"requests": "GHSA-made-up"}) as service:
        assert run(service.url) == 0


def test_without_a_vulnerability_it_is_content(capsys: pytest.CaptureFixture[str]) -> None:
    """S46."""
    with knowing({}) as service:
        assert run(service.url) == 0

    assert capsys.readouterr().out.startswith("audit: asked about ")


@pytest.mark.parametrize("reply", [b'{"results": []}', b"<html>", b"[]"])
def test_a_database_that_does_not_answer_is_skipped_aloud(reply: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """S46: whether it is not there, or something else is in its place."""
    with Recorder(lambda received: (200, {}, reply)) as service:
        assert run(service.url) == 0
    assert run("http://127.0.0.1:9") == 0

    assert capsys.readouterr().out.count("audit: SKIPPED, the vulnerability database cannot be reached") == 2


def test_every_installed_package_has_a_licence_that_we_may_build_on() -> None:
    """S45."""
    assert list(audit.licence_problems(audit.locked(audit.LOCK.read_text()))) == []


@pytest.mark.parametrize(
    ("licence", "fine"),
    [
        ("MIT", True),
        ("BSD License", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("GNU Lesser General Public License v3 (LGPLv3)", True),
        ("GNU General Public License v3 (GPLv3)", False),
        ("GNU Affero General Public License v3", False),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("MIT AND GPL-3.0-only", False),
        ("BSD License; GNU Affero General Public License v3", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_a_licence_is_judged(licence: str, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """S45."""
    monkeypatch.setattr(audit, "licence", lambda metadata: licence)

    assert (list(audit.licence_problems([("requests", "1")])) == []) is fine
