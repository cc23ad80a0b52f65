"""From what a file and the command line say to a checked configuration."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from winnow.config.choices import SECTIONS
from winnow.config.experiment import ASIDE, Config
from winnow.config.messages import explain
from winnow.config.words import SHORT, ConfigError


def parse_config(raw: Any, origin: str) -> Config:
    """Check a configuration, but for top-level keys that begin with `.` or `x-`: they hold what anchors name.

    Args:
        raw: what the YAML file says.
        origin: where it comes from, for messages.

    Raises:
        ConfigError: one line a fault, each naming origin and setting.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{origin}: is to hold settings, `name: value` each; it is {SHORT.repr(raw)}")
    try:
        config = Config.model_validate({key: value for key, value in raw.items() if not str(key).startswith(ASIDE)})
        faults = [fault for name in config.choices for fault in _faults_of_choice(config, name)]
    except OSError as error:  # while looking for the user's files
        raise ConfigError(f"{origin}: {error.filename}: {error.strerror}") from None
    except ValidationError as error:
        lines = [f"{origin}: {line}" for fault in error.errors() for line in explain(fault)]
        raise ConfigError("\n".join(lines)) from None
    if faults:
        raise ConfigError("\n".join(f"{origin}: choices.{fault}" for fault in faults))
    return config


def _faults_of_choice(config: Config, name: str) -> Iterator[str]:
    """What is wrong with the experiment under one choice; each fault begins with the choice's name."""
    choice, faulty = config.choices[name], False
    for section in SECTIONS:
        try:
            config.section_under(section, choice)
        except ValidationError as error:
            faulty = True
            for fault in error.errors():
                for line in explain({**fault, "loc": (section, *fault["loc"])}):
                    yield f"{name}.{line}"
        except ValueError as error:
            faulty = True
            yield f"{name}.{error}"
    if faulty:
        return
    sections = {section: config.section_under(section, choice) for section in SECTIONS}
    if all(settings == getattr(config, section) for section, settings in sections.items()):
        yield f"{name}: changes nothing: give it a setting with another value than the experiment's, or leave it out"
        return
    try:
        config.changed_by(choice)
    except ValueError as error:
        yield f"{name}.{error}"
