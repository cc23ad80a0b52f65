"""Choices that are varied one at a time: what they are called, what they share, what is refused."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from winnow.config.choices import run_name, split_name
from winnow.config.parse import parse_config
from winnow.config.words import ConfigError

GOOD = {
    "experiment": "x",
    "seeds": [0, 1],
    "datasets": {"photos": {"source": "photos", "clone": {}}, "blobs": {"source": "nlgp"}},
    "training": {"steps": 400, "rewind": 100, "rate": 1.0},
    "choices": {
        "rate_half": {"training": {"rate": 0.5}},
        "short": {"training": {"steps": 150}},
        "kept": {"pruning": {"biases": "kept"}},
        "origin": {"locality": {"include_origin": True}},
    },
}


def with_choices(**choices):
    return {**copy.deepcopy(GOOD), "choices": choices}


def fault(raw) -> str:
    with pytest.raises(ConfigError) as error:
        parse_config(raw, "some.yaml")
    return str(error.value)


def test_a_choice_changes_what_it_names_and_nothing_else():
    config = parse_config(GOOD, "some.yaml")
    under = config.under["short"]
    assert (under.training.steps, under.training.rewind, under.training.rate) == (150, 100, 1.0)
    assert under.network == config.network and under.pruning == config.pruning and under.locality == config.locality
    assert config.changes("short") == "training.steps 150 instead of 400"
    assert config.changes("kept") == "pruning.biases kept instead of pooled"
    assert config.changes("origin") == "locality.include_origin true instead of false"


def test_runs_under_a_choice_are_of_the_dataset_of_the_figures_and_its_clone():
    config = parse_config(GOOD, "some.yaml")
    assert config.varied["kept"] == ["photos@kept", "photos@kept-clone"]
    other = parse_config({**GOOD, "figures": {"dataset": "blobs"}}, "some.yaml")
    assert other.varied["kept"] == ["blobs@kept"]
    assert config.all_datasets == ["photos", "photos-clone", "blobs"]


@pytest.mark.parametrize(
    ("choice", "homes"),
    [
        ("rate_half", ["photos@rate_half-clone"] * 3),
        ("kept", ["photos-clone", *["photos@kept-clone"] * 2]),
        ("origin", ["photos-clone", "photos-clone", "photos@origin-clone"]),
    ],
)
def test_stages_that_a_choice_leaves_as_they_are_belong_to_the_experiment(choice, homes):
    config = parse_config(GOOD, "some.yaml")
    stages = ("dense", "masks", "widths")
    assert [config.home(run_name("photos-clone", choice), stage) for stage in stages] == homes
    assert [config.home("photos", stage) for stage in stages] == ["photos"] * 3


@given(st.from_regex(r"[a-z]([a-z_-]{0,6}[a-z])?", fullmatch=True), st.sampled_from(["", "-clone"]))
@settings(max_examples=examples(30))
def test_a_name_is_split_as_it_was_made(choice, suffix):
    assert split_name(run_name(f"photos{suffix}", choice)) == (f"photos{suffix}", choice)
    assert split_name(f"photos{suffix}") == (f"photos{suffix}", None)


def test_without_choices_a_configuration_is_dumped_as_before_there_were_any():
    """What Snakemake compares, and the digest that figures have, stay."""
    config = parse_config({key: value for key, value in GOOD.items() if key != "choices"}, "some.yaml")
    assert "choices" not in config.model_dump() and "biases" not in config.model_dump()["pruning"]
    varied = parse_config(GOOD, "some.yaml")
    assert parse_config(varied.model_dump(mode="json", by_alias=True), "again") == varied


def test_numbers_of_the_command_line_arrive_as_text():
    config = parse_config(with_choices(a={"training": {"rate": "0.5"}, "locality": {"include_origin": "true"}}), "x")
    assert config.under["a"].training.rate == 0.5 and config.under["a"].locality.include_origin is True


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"a": {"training": {"ratee": 2.0}}},
            r"choices.a.training.ratee: there is no such setting; did you mean 'rate'?",
        ),
        ({"a": {"trainin": {}}}, "choices.a.trainin: there is no such setting; did you mean 'training'?"),
        (
            {"a": {"seeds": [3]}},
            "choices: a: a choice cannot change seeds, which is of the whole experiment; it can change",
        ),
        ({"a": {"datasets": {}}}, "a choice cannot change datasets"),
        ({"a": {"methods": ["imp"]}}, "a choice cannot change methods"),
        ({"a": {"compute": {"device": "cpu"}}}, "a choice cannot change compute"),
        ({"a": {"pruning": {"rounds": 3}}}, "choices.a.pruning.rounds: a choice cannot change it: tables and figures"),
        ({"a": {"pruning": {"retrain_baselines": True}}}, "choices.a.pruning.retrain_baselines: a choice cannot"),
        ({"a": {"training": {"rate": 1.0}}}, "choices.a: changes nothing: give it a setting with another value"),
        ({"a": {}}, "choices.a: changes nothing"),
        ({"a": {"training": {"rewind": 400}}}, "choices.a.training: rewind (400) must be smaller than steps (400)"),
        ({"a": {"pruning": {"share": 0.999}}}, "choices.a.pruning.rounds: 10 rounds of 0.999 leave no parameter"),
        ({"a": {"locality": {"min_weights": 10**6}}}, "choices.a.locality.min_weights: a unit of dataset"),
        ({"a": {"pruning": {"biases": "keep"}}}, "'pooled', 'apart' or 'kept'; it is 'keep'; did you mean 'kept'?"),
        ({"a": {"training": None}}, "choices.a.training: is to hold settings"),
        ({"a": None}, "choices.a: is to hold settings"),
        ({"a@b": {}}, "choices.a@b: 'a@b' may hold letters, digits"),
        ({"a-clone": {"training": {"rate": 2.0}}}, "names ending in -clone belong to Gaussian clones"),
        ({"a": {"training": {"rate": 2.0}}, "A": {"training": {"rate": 3.0}}}, "differ in capitals only"),
        ({"a" * 41: {"training": {"rate": 2.0}}}, "at most 40"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(choices, message):
    assert message in fault(with_choices(**choices))


def test_all_faults_of_all_choices_are_named_at_once():
    lines = fault(with_choices(a={"training": {"steps": 0}, "network": {"hidden": []}}, b={"locality": {"x": 1}}))
    assert [line.split(": ")[1] for line in lines.splitlines()] == [
        "choices.a.network.hidden",
        "choices.a.training.steps",
        "choices.b.locality.x",
    ]
