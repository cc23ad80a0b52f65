"""What is lost once a YAML file has been read: keys given twice, and numbers that are not as written."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from winnow.config.words import ConfigError


def check_config_file(path: str | Path) -> None:
    """Check a YAML file for what is lost once it has been read: keys given twice, and numbers that are not as written.

    Raises:
        ConfigError: one line a fault, each naming file and line; also if the file is no YAML in UTF-8.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        with contextlib.suppress(ValueError):
            json.loads(text)  # as Snakemake does: tabs are allowed in it
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
                yield line, f"{name} was given in line {lines[name]} already, and only one of them counts: remove one"
            lines.setdefault(name, line)
            yield from _yaml_faults(value, seen)
