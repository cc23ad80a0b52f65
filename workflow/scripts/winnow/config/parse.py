"""From what a file and the command line say to a checked configuration."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

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
        return Config.model_validate({key: value for key, value in raw.items() if not str(key).startswith(ASIDE)})
    except OSError as error:  # while looking for the user's files
        raise ConfigError(f"{origin}: {error.filename}: {error.strerror}") from None
    except ValidationError as error:
        lines = [f"{origin}: {line}" for fault in error.errors() for line in explain(fault)]
        raise ConfigError("\n".join(lines)) from None
