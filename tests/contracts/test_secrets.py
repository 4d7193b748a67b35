"""No secret is in the repository or its history, no dangerous door in its code, and no exception without a reason."""

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments import secret_scan

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("flows", "tasks", "txo_core", "deployments", "benchmarks")
SOURCES = sorted(path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))
ADVICE = "take it out; if it is made up, say so in it, or: .venv/bin/python deployments/secret_scan.py --accept"


def test_no_file_holds_what_looks_like_a_secret() -> None:
    """S48."""
    assert list(secret_scan.findings(secret_scan.file_texts())) == [], ADVICE


def test_no_version_of_a_file_ever_did() -> None:
    """S48: what git has once taken up stays with everyone who has the repository."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("SKIPPED aloud: there is no history here")

    assert list(secret_scan.findings(secret_scan.history_texts())) == [], ADVICE


DICED = "q7Rk2VbX9mTz4LwPc8Ys1NfHd6Gj3UeA"
PLANTED = [
    f'api_key = "{DICED}"',
    f"AccountKey={DICED}{DICED}2bR==",
    "token: ghp_" + "a8F9k2LmQ9xTb7Sd6Hj4Kw1Zq3Vc5Nn0Pp8R",
    "AWS_ACCESS_KEY_ID=AKIA" + "Q3EGR7XWZ4T5KLM2",
    "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJhbGljZSJ9" + ".c2lnbmF0dXJlLW9mLWFsaWNl",
    f"Authorization: Bearer {DICED}",
    f"postgresql://sa:{DICED[:20]}@db/x",
    "-----BEGIN RSA " + f"PRIVATE KEY-----\n{DICED}{DICED}\n",
    'key = "-----BEGIN ' + f'PRIVATE KEY-----\\n{DICED}{DICED}\\n"',
    '"password": "Sommer' + '2024!"',
    "curl -u erp:Oslo-" + "2024-x https://api.acme.example",
    f"postgres://erp:{DICED[:16]}@db.acme.example/erp",
    '"client_secret": "6f1c8e2a' + '-9b3d-4c7e-8a5f-2d6b9e1c3a70"',
    '{"a": {}, "b": "{name}", "api_key": "' + DICED + '"}',
    "x" * 20_000 + f' "api_key": "{DICED}" ' + "y" * 20_000,
    "PuTTY-User-Key-" + f"File-2: ssh-rsa\nPrivate-Lines: 2\n{DICED}{DICED}\n",
]


@pytest.mark.parametrize("line", PLANTED, ids=[f"{number} {line[:20]}" for number, line in enumerate(PLANTED)])
def test_a_secret_that_somebody_pastes_is_found_and_not_shown(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """S48: with place and hash only."""
    monkeypatch.setattr(secret_scan, "accepted", frozenset)
    monkeypatch.setattr(secret_scan, "file_texts", lambda: iter([("config/x.json", f"one\n{line}\n")]))

    assert secret_scan.main([]) == 1

    said = capsys.readouterr().out
    assert "config/x.json:2: looks like a secret" in said
    assert DICED[:12] not in said


def in_git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one commit, which the scan takes for ours."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "scratch"
    folder.mkdir()
    in_git(folder, "init", "--quiet")
    for setting in ("user.name=x", "user.email=x@x.example", "commit.gpgsign=false"):
        in_git(folder, "config", *setting.split("="))
    (folder / "readme.md").write_text("nothing here\n")
    in_git(folder, "add", ".")
    in_git(folder, "commit", "-qm", "one")
    monkeypatch.setattr(secret_scan, "REPOSITORY", folder)
    monkeypatch.setattr(secret_scan, "accepted", frozenset)
    return folder


FILES: dict[str, bytes] = {
    "plain.json": f'{{"api-key": "{DICED}"}}'.encode(),
    "utf-16.txt": f'password = "{DICED}"'.encode("utf-16"),
    "binary.bin": b"\0\1\2" + f'password = "{DICED}"'.encode() + b"\xff\0",
    "requirements.lock": f"requests==2.32.4 \\\n    --hash=sha256:{'ab12' * 16}\n--index-url https://u:{DICED}@x/y".encode(),
    "deployments/made_up_secrets.txt": f"# x\n0123456789abcdef  x\ntoken: {DICED}\n".encode(),
    ".env": f"CLIENT_SECRET={DICED}".encode(),
    "large.csv": f'password = "{DICED}"\n'.encode() + b"1,2,3,4,5,6\n" * 250_000,
    f"ghp_{DICED}8k2.txt": b"nothing",
}


@pytest.mark.parametrize("name", FILES, ids=lambda name: name[:8])
def test_whatever_kind_of_file_it_is_in_it_is_found(
    scratch: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """S48: in files, in what is staged, and in the history after it was taken out again."""
    path = scratch / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(FILES[name])

    assert secret_scan.main([]) == 1
    in_git(scratch, "add", "--force", ".")
    assert secret_scan.main(["--staged"]) == 1
    assert secret_scan.main(["--history"]) == 0
    in_git(scratch, "commit", "-qm", "two")
    in_git(scratch, "rm", "-q", "--", name)
    in_git(scratch, "commit", "-qm", "three")
    assert (secret_scan.main([]), secret_scan.main(["--staged"]), secret_scan.main(["--history"])) == (0, 0, 1)

    assert DICED[:12] not in capsys.readouterr().out


def test_one_in_the_message_of_a_commit_is_found_and_what_is_accepted_is_not(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S48."""
    in_git(scratch, "commit", "-q", "--allow-empty", "-m", f"token ghp_{DICED}8k2")
    assert secret_scan.main(["--history"]) == 1

    (scratch / "deployments").mkdir()
    monkeypatch.setattr(secret_scan, "ACCEPTED", scratch / "deployments" / "made_up_secrets.txt")
    assert secret_scan.main(["--history", "--accept"]) == 0
    monkeypatch.undo()
    listed = frozenset(line.split()[0] for line in (scratch / secret_scan.LISTED).read_text().splitlines()[1:])
    assert len(listed) == 1
    monkeypatch.setattr(secret_scan, "REPOSITORY", scratch)
    assert list(secret_scan.findings(secret_scan.history_texts(), listed)) == []


def test_a_file_that_is_too_large_to_look_through_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """S48: not passed over in silence."""
    monkeypatch.setattr(secret_scan, "LARGEST", 10)

    assert [place for place, _ in secret_scan.as_text("big.csv", b"x" * 11)] == ["./(a name)"]
    assert "NOT LOOKED THROUGH, too large: big.csv" in capsys.readouterr().out


def test_what_is_made_up_says_so_or_is_listed() -> None:
    """S48: ordinary lines, hashes and placeholders are none."""
    ordinary = [
        f'api_key = "made-up-{DICED}"',
        f'token = "{DICED}"  # an example',
        "commit 4f12637297fad9989a1a91a0bedf002e02078d2d",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        '"client-secret": "your-oauth-secret"',
        "def test_what_is_made_up_says_so_or_is_listed() -> None:",
        "txo_core/http/operation_rules.py",
        'password = getpass("Password: ")',
        "https://erp:{password}@db.acme.example/erp",
        '"password": "placeholder-2024"',
        'client_secret: "00000000-0000-0000-0000-000000000000"',
        'token = response.json()["access_token"]',
        "pip install --hash=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        '"key": "customer_no2", "api-version": "2024-11-22", "tenant-id": "1f2b3c4d-aaaa-bbbb-cccc-1234567890ab"',
    ]
    listed = frozenset({secret_scan.digest_of(DICED)})

    assert list(secret_scan.findings(iter([("x", "\n".join(ordinary))]), frozenset())) == []
    assert list(secret_scan.findings(iter([("x", f'api_key = "{DICED}"')]), listed)) == []


# Code


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


DOORS = re.compile(
    r"eval|exec|compile|__import__|os\.(?:system|popen)|(?:c?[Pp]ickle|marshal|shelve|dill)\.\w+"
    r"|yaml\.(?:unsafe_|full_)?load(?:_all)?"
)


def test_no_code_runs_data() -> None:
    """S37: no eval, exec, pickle, marshal, unsafe YAML, and no shell."""
    found = [
        (name_of(path), name)
        for path in SOURCES
        for name, call in calls(path)
        if DOORS.fullmatch(name) or any(word.arg == "shell" for word in call.keywords)
    ]

    assert found == []


def test_xml_from_elsewhere_is_parsed_nowhere_but_where_it_is_checked_first() -> None:
    """S33: zeep and its lxml come with the SOAP client, which switches off entities, DTDs and the network."""
    checked = {
        "txo_core/formats/archives.py": "reads no further than the root element, and refuses a document type",
        "txo_core/formats/workbook_reader.py": "openpyxl, behind archives.check_workbook",
        "txo_core/formats/workbook_contents.py": "expat, behind archives.check_workbook",
        "txo_core/formats/xml_texts.py": "the same",
        "txo_core/intake/workbook_cells.py": "the same",
    }
    parsers = re.compile(
        r"^\s*(?:from|import) (?:xml\.(?!sax\.saxutils)|lxml|zeep|openpyxl import .*load_workbook)", re.MULTILINE
    )
    rooms = [path for path in SOURCES if "sandbox" not in path.parts and "soap" not in path.name]

    assert {name_of(path) for path in rooms if parsers.search(path.read_text(encoding="utf-8"))} == set(checked)


def test_every_exception_from_a_security_rule_says_why() -> None:
    """S47."""
    silent = re.compile(r"#\s*noqa(?::\s*[A-Z0-9, ]*S\d+[A-Z0-9, ]*)?\s*$")
    lines = [(name_of(path), line) for path in SOURCES for line in path.read_text(encoding="utf-8").splitlines()]

    assert [(name, line.strip()) for name, line in lines if silent.search(line)] == []


def test_the_security_rules_hold_for_everything_but_the_tests() -> None:
    """S47: ruff's S is on, and what is left out is left out in the open, with a reason."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    ignored = {path for path, rules in settings["per-file-ignores"].items() if any(rule[0] == "S" for rule in rules)}

    assert "S" in settings["select"]
    assert [rule for rule in settings["ignore"] if re.match(r"S\d", rule)] == ["S101"]
    assert ignored == {"tests/**"}


def test_no_variable_with_a_secret_goes_on_to_a_process_that_we_start() -> None:
    """S43: every process that the code starts is given an environment without them; git needs none."""
    bare = set()
    for path in SOURCES:
        for name, call in calls(path):
            if name in ("subprocess.run", "subprocess.Popen") and path.parts[len(REPOSITORY.parts)] != "benchmarks":
                given = [ast.unparse(word.value) for word in call.keywords if word.arg == "env"]
                if not given or "os.environ" in given[0]:
                    bare.add(name_of(path))

    assert bare <= {"deployments/secret_scan.py"}


def test_git_is_asked_to_keep_secrets_out_before_each_commit() -> None:
    """S48: the hook runs the scan, and so does what decides what lands."""
    hooks = (REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    landing = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")

    assert "secret_scan.py --staged" in hooks
    assert "make secrets" in landing
    assert "make audit" in landing
    ignored = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=REPOSITORY, check=False)
    assert ignored.returncode in (0, 128)
