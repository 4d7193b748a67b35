"""JSON and YAML from elsewhere, read so that no document can exhaust the machine or lose a value without a word."""

import importlib
import json
from collections.abc import Iterable
from typing import Any

DEEPEST = 200
"""Levels of nesting; hand-made and generated documents stay far below."""
MOST_CONTAINERS = 5_000_000
"""Lists and objects of a JSON document: each takes some hundred bytes, however little stands in it."""
LONGEST_NUMBER = 1_000
"""Characters of a number or date in YAML; one of base 60 takes quadratic time."""
NUMBERS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp"))
MOST_VALUES = 5_000_000
"""Values of a YAML document once its aliases are written out."""
ALIAS_FACTOR = 20
"""How many times as many values a small YAML document may have through its aliases."""


class Malformed(Exception):
    """A document that cannot be read: what is wrong with it, without a word of its content, and the line if known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem, line)
        self.problem = problem
        self.line = line


def parse_json(text: str) -> Any:
    """Return the value of a JSON document. NaN and Infinity are what Python's own writer means by them.

    Raises Malformed, also for a name that stands twice in an object, whose first value would be lost.
    """
    if text.count("[") + text.count("{") > MOST_CONTAINERS:
        raise Malformed("it has more lists and objects than can be held at once; JSON Lines are read one by one")
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise Malformed(error.msg, error.lineno) from None
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except ValueError:
        raise Malformed("it has a number of more digits than can be read") from None
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise Malformed("an object has the same name twice")
    return result


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        if not level:
            return
        level = [item for parent in level for item in _children(parent) if isinstance(item, dict | list)]
    raise Malformed(f"it is nested more than {DEEPEST} levels deep")


def _children(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML document: plain values only, never Python objects.

    Raises Malformed; also for aliases that multiply (a "billion laughs") or contain themselves, and for a key that
    stands twice in a mapping.
    """
    yaml = importlib.import_module("yaml")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_nodes(node, yaml)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Malformed(_first_words(error.problem or error.context or ""), mark.line + 1 if mark else None) from None
    except yaml.YAMLError:
        raise Malformed("it has a character that no YAML has") from None
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except (ValueError, TypeError, OverflowError):
        raise Malformed("it has a date, number or key that cannot be read") from None


def _first_words(problem: str) -> str:
    """Return what YAML complains of, up to where it begins to quote."""
    return problem.partition("'")[0].partition('"')[0].strip() or "it is no YAML"


def _check_nodes(root: Any, yaml: Any) -> None:
    """Count the values with every alias written out, without writing them out."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Any, depth: int) -> int:
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > LONGEST_NUMBER and node.tag in NUMBERS:
                raise Malformed("it has a date, number or key that cannot be read", node.start_mark.line + 1)
            return 1
        if id(node) in sizes:
            return sizes[id(node)]
        if id(node) in open_nodes:
            raise Malformed("it contains itself by an alias", node.start_mark.line + 1)
        if depth > DEEPEST:
            raise Malformed(f"it is nested more than {DEEPEST} levels deep")
        open_nodes.add(id(node))
        _check_keys(node, yaml)
        inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        sizes[id(node)] = 1 + sum(size(part, depth + 1) for part in inner)
        open_nodes.discard(id(node))
        return sizes[id(node)]

    total = size(root, 0)
    written = sum(len(node_value) for node_value in _values_of(root, yaml))
    if total > MOST_VALUES or total > max(1_000, ALIAS_FACTOR * written):
        raise Malformed("its aliases multiply its values beyond measure")


def _values_of(root: Any, yaml: Any) -> Iterable[list[Any]]:
    """Yield what stands in each sequence and mapping of the document, once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node.value
        pairs = isinstance(node, yaml.MappingNode)
        waiting.extend([part for pair in node.value for part in pair] if pairs else node.value)


def _check_keys(node: Any, yaml: Any) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
    if len(set(keys)) < len(keys):
        raise Malformed("a mapping has the same key twice", node.start_mark.line + 1)
