"""The base of all sections of the configuration, and the types of their values."""

import contextlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from winnow.config.words import MOST_BITS, SHORT
from winnow.datasets.files.names import check_names, expanded

MOST = 10**9  # of anything that is counted: a typing error above it


def _nameable(path: str) -> str:
    path = expanded(path)
    check_names([path])
    return path


Count = Annotated[int, Field(ge=1, le=MOST)]
TwoOrMore = Annotated[int, Field(ge=2, le=MOST)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # as the tables hold it


# Of the user, `~` and variables replaced; "" would be the folder in which Snakemake runs.
Where = Annotated[str, Field(min_length=1), AfterValidator(_nameable)]


# Part of file names and captions; in reStructuredText an underscore at a word's end makes a link of it.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+((-+|_+)[A-Za-z0-9]+)*$", max_length=100)]


class Settings(BaseModel):
    """Base of all sections: unknown keys are refused, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    later: ClassVar[frozenset[str]] = frozenset()
    """Settings that there were not always: `params` leaves them out at their defaults."""

    @classmethod
    def default(cls, name: str) -> Any:
        """What a setting is where nothing is said."""
        return cls.model_fields[name].get_default(call_default_factory=True)

    def params(self, *names: str) -> dict[str, Any]:
        """The settings as parameters of a rule, or those of some names.

        Snakemake runs a job again whose rule has another parameter than it was run with.  A new setting whose default
        is what was always done makes no other result: so it is named only where it is something else.
        """
        settings = self.model_dump(include=set(names) if names else None)
        return {
            name: value for name, value in settings.items() if name not in self.later or value != self.default(name)
        }

    @model_validator(mode="before")
    @classmethod
    def _numbers_of_command_line(cls, settings: Any) -> Any:
        """Numbers inside the braces and brackets of `--config` arrive as text."""
        if not isinstance(settings, Mapping):
            return settings
        kinds = {name: str(field.annotation) for name, field in cls.model_fields.items()}
        text = {name for name, kind in kinds.items() if "str" in kind or "Literal" in kind}
        return {name: value if name in text else _numbers(value) for name, value in settings.items()}


def _numbers(value: Any) -> Any:
    return [as_number(item) for item in value] if isinstance(value, list) else as_number(value)


def as_number(value: Any) -> Any:
    """A number, true, false or null that the command line gives as text; all else as it is."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return SHORT.repr(value)  # pydantic cannot show it
    if not isinstance(value, str):
        return value
    if value in (words := {"true": True, "false": False, "null": None}):
        return words[value]
    for number in (int, float):
        # YAML's own rules: a number with an exponent has a point too, so that 1e3 is text, and 08 is text as well.
        pattern = r"[-+]?(0|[1-9][0-9]*)" if number is int else r"[-+]?[0-9]*\.[0-9]*([eE][-+][0-9]+)?"
        if re.fullmatch(pattern, value):
            with contextlib.suppress(ValueError):
                return number(value)
    return value
