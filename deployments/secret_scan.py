"""Look for secrets in the files of the repository and in its history, by the redactor's own eyes.

Usage:
    python deployments/secret_scan.py [--history | --staged] [--accept]

A finding is what the redactor would mask and dice seem to have made. Exit code 1 where there is one; it is named by
file and line, never shown. What is made up says so (`made-up`, `example`, ...) or is listed by its hash in
deployments/made_up_secrets.txt, where --accept writes what was found and somebody has judged to be made up.
"""

import argparse
import codecs
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from deployments.secret_finder import digest_of, pieces, private_keys, suspects
from txo_core.redaction import Redactor

__all__ = ["Finding", "accept", "accepted", "digest_of", "file_texts", "findings", "history_texts", "main"]

REPOSITORY = Path(__file__).resolve().parent.parent
ACCEPTED = REPOSITORY / "deployments" / "made_up_secrets.txt"
HEADER = (
    "# Hashes of made-up secrets in tests and examples; `python deployments/secret_scan.py --accept` adds to them.\n"
)
LISTED = "deployments/made_up_secrets.txt"
_HASH_OF_LOCK = re.compile(r"^\s*--hash=sha256:[0-9a-f]{64}(?: \\)?$", re.MULTILINE)
_LISTED_LINE = re.compile(r"^[0-9a-f]{16}  \S.*$", re.MULTILINE)
_PRINTABLE = re.compile(rb"[\x20-\x7e]{12,}")
LARGEST = 20_000_000
"""Bytes of a file that is looked through; of a larger one it is said that it was not."""


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
            if len(line) < 10 or line in seen:
                continue
            seen.add(line)
            for digest in (found for piece in pieces(line) for found in suspects(piece, redact)):
                if digest not in known and digest not in seen:
                    seen.add(digest)
                    yield Finding(place, number, digest)


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
    """Yield place and text of a file and of its name; of what is no text, the texts that stand in it."""
    name = name or place
    yield f"{Path(name).parent}/(a name)", Path(name).name
    if len(content) > LARGEST:
        say(f"secret scan: NOT LOOKED THROUGH, too large: {place}")
        return
    text = decoded(content)
    if name == "requirements.lock":
        text = _HASH_OF_LOCK.sub("", text)
    elif name == LISTED:
        text = _LISTED_LINE.sub("", text)
    yield place, text


def decoded(content: bytes) -> str:
    """Return the text of a file: UTF-8, UTF-16 where it says so, and of anything else the runs that can be read."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:8_000]:
        return "\n".join(run.decode("ascii") for run in _PRINTABLE.findall(content))
    return content.decode(errors="replace")


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
