"""Any value anywhere in a configuration: it is accepted, or each line of the refusal names file and setting."""

import copy
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.config.experiment import Config
from winnow.config.parse import parse_config
from winnow.config.words import ConfigError

ROOT = Path(__file__).parents[2]
FULL = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
for section, settings_of in yaml.safe_load((ROOT / "configs/tiny.yaml").read_text(encoding="utf-8")).items():
    FULL.setdefault(section, settings_of)
FULL["datasets"]["noise"] = {"source": "nlgp", "side": 8, "correlation_lengths": [1.0, 2.0], "clone": {"seed": 1}}
FULL["datasets"]["files"] = {"source": "cifar10", "path": "nowhere", "max_train_per_class": 3}

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**4000), "1" * 5000, "x" * 10_000, "\0", "\ud800", "../..", "bundled"]),
    st.floats(),
    st.text(max_size=20),
    st.dates() | st.datetimes(timezones=st.just(datetime.UTC)),
    st.binary(max_size=5),
)
keys = st.one_of(st.text(max_size=8), st.integers(), st.none(), st.sampled_from(["source", "clone", "side", "seeds"]))
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)


def places(value: Any, place: tuple = ()) -> Iterator[tuple]:
    yield place
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*place, key))


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(list(places(FULL))), values, keys)
def test_any_value_anywhere(place: tuple, value: Any, key: Any) -> None:
    raw: Any = copy.deepcopy(FULL)
    if place[:2] != ("datasets", "files"):
        del raw["datasets"]["files"]
    if not place:
        raw = value
    else:
        within = raw
        for step in place[:-1]:
            within = within[step]
        if isinstance(within[place[-1]], dict) and not isinstance(value, dict):
            within[place[-1]][key] = value  # one more setting
        else:
            within[place[-1]] = value
    try:
        assert isinstance(parse_config(raw, "some.yaml"), Config)
    except ConfigError as error:
        lines = str(error).split("\n")
        assert all(line.startswith("some.yaml") for line in lines), lines
