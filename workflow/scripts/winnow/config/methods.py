"""The methods of an experiment: names of built-in ones, or settings that change them or make new ones."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from winnow.config.settings import Count, Name, Settings, as_number
from winnow.config.words import SHORT, nearest
from winnow.pruning.criteria import registry
from winnow.pruning.methods import BUILT_IN, INTERFACES, MAKERS, Method, Procedure, Start


def _of_command_line(settings: Any) -> Any:
    return {name: as_number(value) for name, value in settings.items()} if isinstance(settings, Mapping) else settings


_Own = Annotated[dict[str, bool | int | float | str], BeforeValidator(_of_command_line)]


DENSE = "dense"
"""The folder of the dense network, which lies among those of the methods."""


class MethodSettings(Settings):
    """A pruning method; what is not set is as in the built-in method of its name."""

    procedure: Procedure | None = Field(None, description="how masks are found; a new method has to say it")
    criterion: str | None = Field(
        None,
        description="score whose smallest values are pruned: "
        + ", ".join(registry.CRITERIA)
        + "; with the procedure from_masks what is made: "
        + ", ".join(MAKERS)
        + "; null: pruning.criterion",
    )
    pool: Literal["layerwise", "global"] | None = Field(
        None,
        description="which parameters share a threshold; null: as published, and where there is nothing published "
        "pruning.pool",
    )
    of: str | None = Field(None, description="from_masks: the method whose masks are used; null: imp")
    at: Start | None = Field(None, description="at_start: where the network is scored; null: rewind")
    iterations: Count | None = Field(
        None, description="at_start: cuts on the way to a density r, to r^(k/iterations) after cut k; null: 1"
    )
    by_round: bool | None = Field(
        None,
        description="at_start, oneshot: whether a round goes on from the mask of the round before; null: false",
    )
    settings: _Own = Field({}, description="the criterion's own settings")


def _named(methods: Any) -> Any:
    """A list of names as settings by name; all else as it is."""
    if isinstance(methods, Mapping):
        # `--config` gives null within braces as text.
        return {name: {} if as_number(settings) is None else settings for name, settings in methods.items()}
    if not isinstance(methods, list) or not all(isinstance(name, str) for name in methods):
        raise ValueError(
            f"is to be a list of names, or names with settings; it is {SHORT.repr(methods)}; see docs/methods.md"
        )
    if twice := sorted({name for name in methods if methods.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)}: listed twice")
    return {name: {} for name in methods}


Methods = Annotated[
    dict[Name, MethodSettings],
    Field(min_length=1),
    BeforeValidator(_named, json_schema_input_type=list[Name] | dict[Name, MethodSettings | None]),
]
"""Methods by name; written as a list of names where nothing is to be set."""


def resolve(methods: Mapping[str, MethodSettings], criterion: str) -> dict[str, Method]:
    """All methods that there are, the built-in ones included, with their settings.

    Args:
        methods: of the configuration.
        criterion: `pruning.criterion`.

    Raises:
        ValueError: a method is unknown, or its settings do not fit together; the message names it.
    """
    found = dict(BUILT_IN)
    folders = {name.lower(): name for name in [*BUILT_IN, DENSE]}
    for name, settings in methods.items():
        if name == DENSE or folders.setdefault(name.lower(), name) != name:
            raise ValueError(f"methods.{name}: {folders[name.lower()]!r} has this name, and its folder; choose another")
        try:
            found[name] = _resolved(name, settings)
        except ValueError as error:
            raise ValueError(f"methods.{name}{error}") from None
    for name, method in found.items():
        if method.procedure == "from_masks":
            _check_source(name, method, found)
        else:
            _check_criterion(name, method, criterion)
        _check_settings(name, method, criterion)
    return found


def _resolved(name: str, settings: MethodSettings) -> Method:
    given = {key: value for key, value in settings.model_dump().items() if value is not None}
    built_in = BUILT_IN.get(name)
    if built_in is None and not given.get("procedure"):
        raise ValueError(
            f": there is no method {name!r}{nearest(name, BUILT_IN)}; known: {', '.join(BUILT_IN)}; a new one has to "
            "say its procedure"
        )
    # Another criterion's settings are none of this one's.
    same = built_in is not None and given.get("criterion", built_in.criterion) == built_in.criterion
    own = {**(built_in.settings if same and built_in else {}), **given.pop("settings")}
    if built_in is None or given.get("procedure", built_in.procedure) != built_in.procedure:
        return Method(**given, settings=own)
    return replace(built_in, **given, settings=own)


def _check_criterion(name: str, method: Method, default: str) -> None:
    criterion = method.criterion or default
    if criterion not in registry.CRITERIA:
        raise ValueError(
            f"methods.{name}.criterion: there is no criterion {criterion!r}{nearest(criterion, registry.CRITERIA)}; "
            f"known: {', '.join(registry.CRITERIA)}"
        )
    fitting = INTERFACES[method.procedure]
    if registry.CRITERIA[criterion].interface not in fitting:
        good = [one for interface in fitting for one in registry.of_interface(interface)]
        raise ValueError(
            f"methods.{name}.criterion: {criterion!r} is none for the procedure {method.procedure}, which takes "
            + ", ".join(good)
        )
    if method.procedure != "at_start" and (method.at != "rewind" or method.iterations != 1):
        raise ValueError(f"methods.{name}: at and iterations belong to the procedure at_start")
    if method.by_round and not (
        method.procedure == "at_start"
        or (method.procedure == "oneshot" and registry.CRITERIA[criterion].interface == "network")
    ):
        raise ValueError(
            f"methods.{name}.by_round: belongs to the procedure at_start, and to oneshot with a criterion of network "
            f"and data ({', '.join(registry.of_interface('network'))}): other scores are the same in every round"
        )


def _check_source(name: str, method: Method, methods: Mapping[str, Method]) -> None:
    if method.criterion not in MAKERS:
        raise ValueError(
            f"methods.{name}.criterion: must be one of {', '.join(MAKERS)} with the procedure from_masks; it is "
            f"{method.criterion!r}{nearest(method.criterion, MAKERS)}"
        )
    made, seen = method, [name]
    while method.procedure == "from_masks":
        if method.of not in methods:
            raise ValueError(f"methods.{seen[-1]}.of: there is no method {method.of!r}{nearest(method.of, methods)}")
        seen.append(method.of)
        if seen.count(method.of) > 1:
            raise ValueError(f"methods.{name}.of: {' of '.join(seen)}: masks have to come from somewhere")
        method = methods[method.of]
    if made.criterion == "random" and made.of in methods and not methods[made.of].is_nested(methods):
        raise ValueError(
            f"methods.{name}.of: random masks are nested, those of {made.of!r} are not: take the criterion "
            "shuffled_layer, which is the same round by round"
        )


def _check_settings(name: str, method: Method, default: str) -> None:
    known = MAKERS[method.criterion or ""] if method.procedure == "from_masks" else method.known(default).settings
    for setting, value in method.settings.items():
        where = f"methods.{name}.settings.{setting}"
        if setting not in known:
            raise ValueError(
                f"{where}: there is no such setting{nearest(setting, known)}; {method.criterion or default} has "
                + (", ".join(known) or "none")
            )
        normal = known[setting]
        if isinstance(normal, tuple):
            if value not in normal:
                raise ValueError(f"{where}: must be one of {', '.join(normal)}; it is {value!r}")
        elif isinstance(normal, bool) != isinstance(value, bool) or isinstance(value, str):
            raise ValueError(
                f"{where}: is to be {'true or false' if isinstance(normal, bool) else 'a number'}; it is {value!r}"
            )
        elif isinstance(normal, int) and not isinstance(value, int):
            raise ValueError(f"{where}: is to be a whole number; it is {value!r}")
        elif not isinstance(normal, bool) and (value < 0 or (isinstance(normal, int) and normal and not value)):
            raise ValueError(f"{where}: must not be {'negative' if value else 'zero'}; it is {value!r}")
