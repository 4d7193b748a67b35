"""Text that keeps to its line: nothing in it ends a line, moves the cursor, or turns the direction of reading.

What somebody else sent stands in a log beside what we say ourselves (CWE-117). So control characters, line separators
and the marks of bidirectional text are shown as escapes, `\\n` or `\\u202e`; only our own lines go on below, indented.
"""

MARGIN = "    "
HEAD_SHARE = 4
"""One part in so many of a cut text is its beginning, where it is shown from both ends."""

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
_BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {code: chr(code).encode("unicode_escape").decode() for code in _CONTROLS + _BIDI}
_ESCAPES |= {code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)}  # halves of a pair, which no file takes


def one_line(text: str) -> str:
    """Return the text as one line, with a visible escape for each character that could forge another."""
    return text if text.isprintable() else text.translate(_ESCAPES)


def plain_lines(text: str) -> str:
    """Return a text for a terminal: its lines stay lines, and nothing else in it moves the cursor."""
    return text if text.isprintable() else "\n".join(one_line(line) for line in text.split("\n"))


def indented(text: str) -> str:
    """Return the lines of a text of ours, such as a traceback, each kept to itself and set off from the margin once."""
    lines = [one_line(line) for line in text.split("\n") if line.strip()]
    margin = "" if all(line.startswith(MARGIN) for line in lines) else MARGIN
    return "\n".join(margin + line for line in lines)


def on_lines(text: str) -> str:
    """Return a text whose first line stands for itself and whose others follow set off from the margin."""
    first, _, rest = text.partition("\n")
    return one_line(first) + ("\n" + indented(rest) if rest.strip() else "")


def cut(text: str, limit: int, both_ends: bool = False) -> str:
    """Return the text in `limit` bytes of UTF-8 at most; what is cut is counted, from the end or from the middle."""
    if len(text) * 4 <= limit:
        return text
    whole = text.encode("utf-8", "backslashreplace")
    if len(whole) <= limit:
        return text
    note = f" ... [{len(text):,} characters in all, cut here] ... "
    room = limit - len(note)
    head = room // HEAD_SHARE if both_ends else room
    tail = whole[len(whole) - (room - head) :]
    return whole[:head].decode("utf-8", "ignore") + note + tail.decode("utf-8", "ignore")
