"""What is generated from the models of the configuration.

`python -m winnow.config` (with `workflow/scripts` on PYTHONPATH) prints the JSON schema, which editors use to complete
and check `config.yaml`; `python -m winnow.config --table` the table of settings of docs/settings.md.
"""

import json
from collections.abc import Iterator, Mapping

from pydantic.fields import FieldInfo

from winnow.config.choices import Choice
from winnow.config.datasets import SOURCES
from winnow.config.experiment import Config
from winnow.config.methods import MethodSettings
from winnow.config.settings import Settings
from winnow.config.sources.source import Clone, Source


def schema() -> str:
    """The JSON schema of the configuration."""
    return json.dumps({"title": "winnow", **Config.model_json_schema()}, indent=1, ensure_ascii=False) + "\n"


def settings_table() -> str:
    """A Markdown table of all settings: name, default, meaning."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    lines += _rows("", {name: field for name, field in Config.model_fields.items() if field.default_factory is None})
    lines += _rows("datasets.<name>.", Source.model_fields)
    lines += _rows("datasets.<name>.clone.", Clone.model_fields)
    for source, model in SOURCES.items():
        own = {name: field for name, field in model.model_fields.items() if name not in Source.model_fields}
        lines += _rows("datasets.<name>.", dict(sorted(own.items(), key=lambda item: item[0] != "source")), source)
    lines += _rows("methods.<name>.", MethodSettings.model_fields)
    lines += _rows("choices.<name>.", Choice.model_fields)
    for section, settings in _sections():
        lines += _rows(f"{section}.", settings.model_fields)
    return "\n".join(lines) + "\n"


def _rows(prefix: str, fields: Mapping[str, FieldInfo], source: str = "") -> Iterator[str]:
    for field_name, field in fields.items():
        name = field.alias or field_name
        default = "" if field.is_required() else f"`{json.dumps(field.default)}`"
        yield f"| `{prefix}{name}`{source and f' ({source})'} | {default} | {field.description} |"


def _sections() -> Iterator[tuple[str, type[Settings]]]:
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield name, field.annotation
