"""Looking for secrets where a run leaves its traces: every form of a value, in every file and every table."""

import base64
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 12
MASK = b"[REDACTED]"


def forms(secret: str) -> dict[str, bytes]:
    """Return what a value looks like in each encoding in which it could be written."""
    raw = secret.encode()
    found = {"raw": raw, "quoted": quote(secret, safe="").encode(), "form": quote_plus(secret).encode()}
    found |= {"hex": raw.hex().encode(), "HEX": raw.hex().upper().encode(), "UTF-16": secret.encode("utf-16-le")}
    found |= {"JSON": json.dumps(secret)[1:-1].encode(), "repr": repr(secret)[1:-1].encode()}
    found["JSON in UTF-8"] = json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    found["JSON in JSON"] = json.dumps(json.dumps(secret))[3:-3].encode()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        inner = whole[4 if shift else 0 : len(whole) // 4 * 4 - 4]
        found |= {f"base64 {shift}": inner, f"base64url {shift}": inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return {name: form for name, form in found.items() if len(form) >= SHORTEST}


def leaks(secrets: Mapping[str, str], *places: Path) -> list[str]:
    """Return where a form of a secret stands: in files, folders and, column by column, in SQLite databases."""
    wanted = {f"{name} ({form})": value for name, secret in secrets.items() for form, value in forms(secret).items()}
    return sorted(
        {f"{place}: {name}" for place, data in texts(places) for name, value in wanted.items() if value in data}
    )


def texts(places: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield everything that stands in these files and folders."""
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                yield path.name, path.read_bytes() + b"\n" + bytes(path)
                if path.suffix == ".db":
                    yield from cells(path)


def cells(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every value of every table: a long one may lie on several pages of the file."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        database.text_factory = bytes
        names = [name.decode() for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for table in names:
            rows = database.execute(f'select * from "{table}"')
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    yield f"{table}.{column}", value if isinstance(value, bytes) else str(value).encode()


def masks(database: Path) -> Counter[str]:
    """Return how many values of each column hold a mask: there a secret was on its way, and did not get through."""
    return Counter(place for place, value in cells(database) if MASK in value)


def plant(database: Path, place: str, text: bytes) -> None:
    """Put a text into a column of one row, as a leak would."""
    table, _, column = place.partition(".")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            f'update "{table}" set "{column}" = ? where rowid = (select max(rowid) from "{table}")', (text,)
        )
