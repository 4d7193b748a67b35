"""Write config/config.schema.json from the models, so that editors know every key of a configuration.

Usage:
    python deployments/config_schema.py [--check]

With --check nothing is written: the exit code is 1 where the file is not current.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from txo_core.settings.models import ConfigFile

TARGET = Path(__file__).resolve().parent.parent / "config" / "config.schema.json"
NOTES = {"^_comment": {"description": "A note for the reader."}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the schema; return the exit code."""
    parser = argparse.ArgumentParser(description="Write config/config.schema.json from the models.")
    parser.add_argument("--check", action="store_true", help="only tell whether the file is current")
    check = parser.parse_args(arguments).check
    text = render()
    if not check:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        sys.stderr.write("config/config.schema.json is not current: run python deployments/config_schema.py\n")
        return 1
    return 0


def render() -> str:
    """Return the schema as the text of its file: sorted and indented, the same every time."""
    schema = {key: tidy(value) for key, value in ConfigFile.model_json_schema().items() if key != "title"}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "TXO configuration"
    schema["properties"]["$schema"] = {"description": "Where editors find this schema.", "type": "string"}
    schema["patternProperties"] = NOTES | {"^_(?!comment)": False}
    schema["$defs"]["Globals"]["patternProperties"] = NOTES
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def tidy(node: Any, is_map: bool = False) -> Any:
    """Return a part of pydantic's schema as the file states it: no titles, no null, defaults in the description."""
    if isinstance(node, list):
        return [tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if is_map:
        return {key: tidy(value) for key, value in node.items()}
    node = {key: tidy(value, key in {"properties", "$defs"}) for key, value in node.items() if key != "title"}
    if "anyOf" in node:
        node |= next(choice for choice in node.pop("anyOf") if choice != {"type": "null"})
    if node.get("default", ...) is None:
        del node["default"]
    if "default" in node and "description" in node:
        node["description"] += f" Default: {json.dumps(node['default'])}."
    if node.get("type") == "object" and "additionalProperties" in node:
        node["patternProperties"] = NOTES
    return node


if __name__ == "__main__":
    sys.exit(main())
