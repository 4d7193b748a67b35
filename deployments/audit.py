"""Ask the vulnerability database OSV about every locked package, and check the licence of every installed one.

Usage:
    python deployments/audit.py [--service URL]

Exit code 1 where a locked version has a known vulnerability or a package has a licence that is not on the list. Where
the database cannot be reached, that half is skipped, aloud, and does not fail, so that a machine without a way out can
check too.
"""

import argparse
import importlib.metadata
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
SERVICE = "https://api.osv.dev/v1/querybatch"
SECONDS = 20.0
ACCEPTED: Mapping[str, str] = {}
"""Vulnerabilities that do not touch us: id -> why. An entry goes when the lock gets the version that mends it."""
LICENCES = re.compile(
    r"\b(?:MIT|MIT-0|BSD|0BSD|Apache|ISC|ISCL|PSF|PSFL|Python Software Foundation|MPL|Mozilla Public|Unlicense|Zlib"
    r"|HPND|CNRI|Public Domain|ZPL|Artistic|LGPL|Lesser General Public)",
    re.IGNORECASE,
)
REFUSED = re.compile(
    r"\b(?:AGPL|Affero|(?<!L)GPL|(?<!Lesser )General Public|SSPL|BUSL|Proprietary|Commercial)\b", re.IGNORECASE
)
JUDGED: Mapping[str, str] = {"text-unidecode": "Artistic"}
"""Packages whose metadata name no licence, or several to choose from: name -> the one that holds for us."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, say what was found, and return the exit code."""
    parser = argparse.ArgumentParser(description="Known vulnerabilities and licences of the locked packages.")
    parser.add_argument("--service", default=SERVICE, help="address of an OSV querybatch service")
    service = parser.parse_args(arguments).service
    packages = locked(LOCK.read_text(encoding="utf-8"))
    problems = list(licence_problems(packages))
    try:
        problems += vulnerabilities(packages, service)
        say(f"audit: asked about {len(packages)} locked packages")
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        say(f"audit: SKIPPED, the vulnerability database cannot be reached from here ({type(reason).__name__})")
    for problem in problems:
        say(f"audit: {problem}")
    return 1 if problems else 0


def locked(text: str) -> list[tuple[str, str]]:
    """Return name and version of every pin in the lock, each once."""
    return sorted(set(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE)))


def vulnerabilities(packages: Sequence[tuple[str, str]], service: str) -> list[str]:
    """Return a line for each known vulnerability; raises OSError where the service cannot be asked."""
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in packages]
    answers = ask(service, {"queries": queries}).get("results", [])
    if len(answers) != len(queries):
        raise OSError("the service did not answer every question")
    return [
        f"{name} {version} has the known vulnerability {found['id']}: see https://osv.dev/{found['id']}"
        for (name, version), answer in zip(packages, answers, strict=True)
        for found in (answer or {}).get("vulns", [])
        if found["id"] not in ACCEPTED
    ]


def ask(service: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON object that the service answers."""
    if not service.startswith(("https://", "http://127.0.0.1")):
        raise ValueError("the service is asked by https, or on this machine")
    body = json.dumps(question).encode()
    request = urllib.request.Request(service, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - checked above
            value = json.loads(answer.read())
    except ValueError as error:
        raise OSError("the service answers no JSON") from error
    return value if isinstance(value, dict) else {}


def licence_problems(packages: Iterable[tuple[str, str]]) -> Iterable[str]:
    """Yield a line for each installed package whose licence is not one that we may build on."""
    for name, _ in packages:
        try:
            found = licence(importlib.metadata.metadata(name))
        except importlib.metadata.PackageNotFoundError:
            continue  # locked for another system
        found = JUDGED.get(name, found)
        if not LICENCES.search(found) or (REFUSED.search(found) and " OR " not in found):
            yield f"the licence of {name} is not on the list: {found[:60] or 'none is named'}"


def licence(metadata: Any) -> str:
    """Return what a package says of its licence: the expression, the classifiers, or the first line of the field."""
    classifiers = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or [] if line.startswith("License")
    ]
    named = metadata.get("License-Expression") or "; ".join(classifiers)
    return str(named or (metadata.get("License") or "").strip().partition("\n")[0])


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
