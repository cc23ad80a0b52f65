"""What is lost once a file has been read: keys given twice, settings left empty, numbers that are not as written."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from winnow.config.words import SHORT, ConfigError


def check_config_file(path: str | Path) -> None:
    """Check a file, YAML or JSON, for what is lost once it has been read: see the module's text.

    Raises:
        ConfigError: one line a fault, each naming file and, in YAML, line; also if the file is no YAML in UTF-8.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        if (twice := _twice_in_json(text)) is not None:
            if twice:
                raise ConfigError("\n".join(f"{path}: {name} was given twice, and {_REMOVE}" for name in twice))
            return
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply to be read") from None
    except yaml.YAMLError as error:
        where, what = "", "a character that YAML does not allow"
        if isinstance(error, yaml.MarkedYAMLError):
            where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
            what = error.problem or what
        raise ConfigError(f"{path}{where}: is not YAML ({what}): indent by spaces, close brackets and quotes") from None
    if not isinstance(document, yaml.MappingNode):
        found = "is empty" if document is None else "is not made of settings"
        raise ConfigError(f"{path}: {found}; it is to hold lines such as `experiment: demo`; see docs/settings.md")
    if faults := list(_yaml_faults(document, set())):
        raise ConfigError("\n".join(f"{path}, line {line}: {fault}" for line, fault in faults))


_NULL = "tag:yaml.org,2002:null"
_REMOVE = "only one of them counts: remove one"


def _twice_in_json(text: str) -> list[str] | None:
    """The keys that JSON gives twice; None for a text that is no JSON, which Snakemake reads as YAML."""
    twice: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        twice.extend(SHORT.repr(name) for name, n in Counter(name for name, _ in pairs).items() if n > 1)

    try:
        json.loads(text, object_pairs_hook=note)
    except ValueError:
        return None
    return twice


def _yaml_faults(node: yaml.Node, seen: set[int]) -> Iterator[tuple[int, str]]:
    if id(node) in seen:  # an alias, perhaps of what it stands in
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        kind, line = node.tag.removeprefix("tag:yaml.org,2002:"), node.start_mark.line + 1
        if kind in ("int", "float") and ":" in node.value:
            yield line, f"YAML reads {node.value} as a number to the base 60: write it as a plain number, or in quotes"
        elif kind == "int" and re.match(r"[-+]?0[0-9_]", node.value):
            yield line, f"YAML reads {node.value} as a number to the base 8: leave out the leading 0"
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _yaml_faults(item, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                yield line, f"{name} was given in line {lines[name]} already, and {_REMOVE}"
            lines.setdefault(name, line)
            if name == "clone" and isinstance(value, yaml.ScalarNode) and value.tag == _NULL and not value.value:
                yield (
                    line,
                    "clone is empty: write `clone: {}` for a clone with the default settings; for none leave the line "
                    "out, or write `clone: null`",
                )
            yield from _yaml_faults(value, seen)
