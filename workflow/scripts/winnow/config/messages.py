"""What pydantic finds wrong, in words for the person at the keyboard."""

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from winnow.config.datasets import SOURCES
from winnow.config.experiment import Config
from winnow.config.settings import Settings
from winnow.config.words import SHORT, nearest


def explain(fault: ErrorDetails) -> Iterator[str]:
    """The lines that name a fault's setting and say what it is to be; without the file's name."""
    location = [part for part in fault["loc"] if part != "[key]"]
    if len(location) > 2 and location[0] == "datasets":
        del location[2]  # the source by which pydantic chose the model is no key of the file
    key = ".".join(part if isinstance(part, str) and part.isprintable() else SHORT.repr(part) for part in location)
    value, message = fault["input"], fault["msg"].removeprefix("Value error, ")
    match fault["type"]:
        case "extra_forbidden":
            fields = _model_at(fault["loc"][:-1]).model_fields
            known = [field.alias or name for name, field in fields.items()]
            yield f"{key}: there is no such setting{nearest(str(location[-1]), known)}"
        case "missing":
            yield f"{key}: this setting is missing"
        case "union_tag_invalid" | "union_tag_not_found":
            given = value.get("source") if isinstance(value, Mapping) else None
            yield (
                f"{key}.source: must be one of {', '.join(SOURCES)}; it is {SHORT.repr(given)}{nearest(given, SOURCES)}"
            )
        case "value_error":
            yield f"{key}: {message}" if key else message
        case "string_pattern_mismatch":
            yield f"{key}: {value!r} may hold letters, digits, - and _ only, and starts and ends with a letter or digit"
        case "model_type" | "model_attributes_type" | "dict_type":
            hint = " (leave the line out, or indent its settings below it)" if value is None else _yaml_trap(value)
            yield f"{key}: is to hold settings, `name: value` each; it is {SHORT.repr(value)}{hint}"
        case "literal_error":
            given = SHORT.repr(value)
            yield f"{key}: {message[0].lower()}{message[1:]}; it is {given}{nearest(value, _choices(message))}"
        case _:
            yield f"{key}: {message[0].lower()}{message[1:]}; it is {SHORT.repr(value)}{_yaml_trap(value)}"


def _model_at(location: tuple[int | str, ...]) -> type[Settings]:
    model: type[Settings] = Config
    for depth, part in enumerate(location):
        if depth == 2 and location[0] == "datasets":
            model = SOURCES[str(part)]
        elif part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            nested = [t for t in (annotation, *getattr(annotation, "__args__", ())) if isinstance(t, type)]
            model = next((t for t in nested if issubclass(t, Settings)), model)
    return model


def _choices(message: str) -> list[str]:
    return re.findall(r"'([^']+)'", message)


def _yaml_trap(value: Any) -> str:
    if isinstance(value, bool):
        return " (YAML reads on, off, yes and no as true and false: put text in quotes)"
    if isinstance(value, datetime.date):
        return f" (YAML reads {value} as a date: put text in quotes)"
    if isinstance(value, float) and value.is_integer():
        return f" (a number with a point: write {value:.0f})"
    if isinstance(value, str):
        try:
            return f" (text; YAML reads numbers such as 1e3 as text: write {float(value):g})"
        except ValueError:
            return ""
    return ""
