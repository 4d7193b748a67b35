"""Look for secrets in the files of the repository and in its history, by the redactor's own eyes.

Usage:
    python deployments/secret_scan.py [--history | --staged] [--accept]

A finding is what the redactor would mask and dice seem to have made. Exit code 1 where there is one; it is named by
file and line, never shown. What is made up says so (`made-up`, `example`, ...) or is listed by its hash in
deployments/made_up_secrets.txt, where --accept writes what was found and somebody has judged to be made up.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from txo_core.masking.values import is_random
from txo_core.redaction import Redactor

REPOSITORY = Path(__file__).resolve().parent.parent
ACCEPTED = REPOSITORY / "deployments" / "made_up_secrets.txt"
HEADER = (
    "# Hashes of made-up secrets in tests and examples; `python deployments/secret_scan.py --accept` adds to them.\n"
)
SKIPPED = ("requirements.lock", "deployments/made_up_secrets.txt")
LARGEST = 2_000_000
LONGEST_LINE = 10_000

_RUN = re.compile(r"[A-Za-z0-9_.~+/=!@#$%^&*-]{12,512}")
_PRIVATE_KEY = re.compile(
    r"""-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\s|\\n|["',+]){1,20}(?P<body>[A-Za-z0-9+/=]{40,512})"""
)
_MADE_UP = re.compile(
    r"made.?up|example|placeholder|your-|not-a-real|dummy|fake|hunter2|x{4,}|\{\w*\}|0{8}|1234567890", re.IGNORECASE
)


class Finding(NamedTuple):
    """Where something stands that looks like a secret."""

    place: str
    line: int
    digest: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, say what was found, and return the exit code."""
    parser = argparse.ArgumentParser(description="Secrets in the repository and its history.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--history", action="store_true", help="every version of every file")
    where.add_argument("--staged", action="store_true", help="what the next commit brings")
    parser.add_argument("--accept", action="store_true", help="list what is found as made up")
    asked = parser.parse_args(arguments)
    found = list(findings(history_texts() if asked.history else staged_texts() if asked.staged else file_texts()))
    if asked.accept:
        accept(found)
        return 0
    for finding in found:
        say(f"{finding.place}:{finding.line}: looks like a secret ({finding.digest})")
    say(f"secret scan: {len(found) or 'nothing'} found")
    return 1 if found else 0


def findings(texts: Iterator[tuple[str, str]], known: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield what looks like a secret and is not known to be made up, each once."""
    known = accepted() if known is None else known
    redact = Redactor()
    seen: set[str] = set()
    for place, text in texts:
        for number, digest in private_keys(text):
            if digest not in known:
                yield Finding(place, number, digest)
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) < 12 or line in seen:
                continue
            seen.add(line)
            for digest in suspects(line[:LONGEST_LINE], redact):
                if digest not in known and digest not in seen:
                    seen.add(digest)
                    yield Finding(place, number, digest)


def private_keys(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and hash of each private key."""
    for match in _PRIVATE_KEY.finditer(text) if "PRIVATE KEY" in text else ():
        yield text.count("\n", 0, match.start()) + 1, digest_of(match["body"])


def suspects(line: str, redact: Redactor) -> Iterator[str]:
    """Yield the hashes of what the redactor takes out of a line and dice seem to have made."""
    runs = [run for run in _RUN.findall(line) if any(is_random(part, 12) for part in (run, run.rpartition("=")[2]))]
    if not runs or _MADE_UP.search(line):
        return
    clean = redact(line)
    for run in runs:
        if run not in clean:
            yield digest_of(run)


def digest_of(text: str) -> str:
    """Return what stands for a text in the list."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def accepted() -> frozenset[str]:
    """Return the hashes of what is known to be made up."""
    lines = ACCEPTED.read_text(encoding="utf-8").splitlines() if ACCEPTED.exists() else []
    return frozenset(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))


def accept(found: Sequence[Finding]) -> None:
    """Add findings to the list."""
    before = ACCEPTED.read_text(encoding="utf-8") if ACCEPTED.exists() else HEADER
    lines = "".join(f"{finding.digest}  {finding.place}\n" for finding in found)
    ACCEPTED.write_text(before + lines, encoding="utf-8")


def file_texts() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file that git has or would take up."""
    for name in git("ls-files", "--cached", "--others", "--exclude-standard", "-z").decode().split("\0"):
        path = REPOSITORY / name
        if name and path.is_file() and not path.is_symlink():
            yield from as_text(name, path.read_bytes())


def staged_texts() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file as the next commit would have it."""
    for name in git("diff", "--cached", "--name-only", "--diff-filter=d", "-z").decode().split("\0"):
        if name:
            yield from as_text(name, git("show", f":{name}"))


def history_texts() -> Iterator[tuple[str, str]]:
    """Yield every version of every file that any commit has, and the messages of the commits."""
    listed = [line.split(" ", 1) for line in git("rev-list", "--all", "--objects").decode().splitlines()]
    names = {each[0]: each[1] if len(each) > 1 else "" for each in listed}
    answer, at = git("cat-file", "--batch", given="\n".join(names).encode()), 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        identity, kind, size = answer[at:end].decode().split()
        body = answer[end + 1 : end + 1 + int(size)]
        at = end + 2 + int(size)
        if kind in ("blob", "commit"):
            yield from as_text(f"{identity[:10]} {names[identity]}".strip(), body, names[identity])


def as_text(place: str, content: bytes, name: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield place and text, unless it is none or too long to have been written by hand."""
    if (name or place) in SKIPPED or len(content) > LARGEST or b"\0" in content[:8_000]:
        return
    yield place, content.decode(errors="replace")


def git(*words: str, given: bytes = b"") -> bytes:
    """Return what git answers."""
    program = shutil.which("git") or "git"
    done = subprocess.run([program, *words], cwd=REPOSITORY, input=given, capture_output=True, check=True)  # noqa: S603 - our own words
    return done.stdout


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
