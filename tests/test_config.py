import copy
from pathlib import Path

import pytest
import yaml

from winnow.config import ConfigError, parse_config, schema, settings_table

ROOT = Path(__file__).parent.parent
GOOD = {
    "experiment": "x",
    "seeds": [0, 1],
    "datasets": {"photos": {"source": "photos"}, "blobs": {"source": "nlgp", "clone": {}}},
}


def changed(path: str, value):
    raw = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    section = raw
    for key in parents:
        section = section.setdefault(key, {})
    section[last] = value
    return raw


def fault(raw) -> str:
    with pytest.raises(ConfigError) as error:
        parse_config(raw, "some.yaml")
    return str(error.value)


def test_defaults_are_the_papers():
    config = parse_config(GOOD, "some.yaml")
    assert config.network.hidden == [1024, 1024] and config.training.steps == 40000
    assert (config.training.rewind, config.training.batch, config.training.rate) == (1000, 40, 0.1)
    assert (config.pruning.rounds, config.pruning.share) == (10, 0.3)
    assert config.all_datasets == ["photos", "blobs", "blobs-clone"]
    assert config.figure_dataset == "photos"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sed", [1], r"some.yaml: sed: there is no such setting; did you mean 'seeds'\?"),
        ("training.stepz", 3, r"training.stepz: there is no such setting; did you mean 'steps'\?"),
        ("datasets.photos.tiles", 3, r"datasets.photos.tiles: there is no such setting; did you mean 'tile'\?"),
        ("datasets.blobs.clone", {"per": "chanel"}, r"datasets.blobs.clone.per: .*'channel'.*did you mean 'channel'\?"),
        ("datasets.blobs.clone", {"pre": 1}, r"datasets.blobs.clone.pre: .*did you mean 'per'\?"),
        ("datasets.photos.source", "photo", r"datasets.photos.source: must be one of photos, nlgp; .*'photo'; did you"),
        ("datasets.new", {"side": 3}, r"datasets.new.source: must be one of photos, nlgp"),
        ("datasets", {}, "datasets: .*at least 1"),
        ("datasets.a/b", {"source": "photos"}, "'a/b' may hold letters, digits"),
        ("datasets.a-clone", {"source": "photos"}, "names ending in -clone belong to Gaussian clones"),
        ("datasets.photos.photos", "no such folder", "there is no folder 'no such folder'"),
        ("datasets.photos.tile", 40, "no room.*raise tile to at least 64"),
        ("datasets.photos.band", 20, r"band \(20\) must hold a validation patch: raise it to at least 32"),
        ("datasets.blobs.correlation_lengths", [2.0], "correlation_lengths: .*at least 2"),
        ("experiment", "../elsewhere", "experiment: .*may hold letters"),
        ("experiment", 7, "experiment: .*valid string; it is 7"),
        ("seeds", [1, 1], "seeds: a seed is listed twice"),
        ("seeds", 3, "seeds: .*valid list; it is 3"),
        ("seeds", [-1], "seeds.0: .*greater than or equal to 0"),
        ("training.steps", "1e3", r"training.steps: .*YAML reads numbers such as 1e3 as text: write 1000"),
        ("training.steps", True, r"training.steps: .*YAML reads on, off, yes and no"),
        ("training.steps", 10.5, "training.steps: .*10.5"),
        ("training.rewind", 40000, r"rewind \(40000\) must be smaller than steps \(40000\)"),
        ("training.batch", 1, "training.batch: .*greater than or equal to 2"),
        ("training.rate", 0, "training.rate: .*greater than 0"),
        ("pruning.share", 1, "pruning.share: .*less than 1"),
        ("pruning.share", float("nan"), "pruning.share: "),
        ("pruning.criterion", "magntude", r"no criterion 'magntude'; did you mean 'magnitude'\?"),
        ("pruning.rounds", 100, "100 rounds of 0.3 leave no parameter of a layer with"),
        ("pruning.retrain_baselines", "maybe", "retrain_baselines: "),
        ("network.hidden", [], "network.hidden: "),
        ("network.hidden", 256, "network.hidden: .*valid list"),
        ("components.number", 2000, "components.number: dataset 'blobs' has only 1024 inputs"),
        ("figures.dataset", "photo", r"no dataset 'photo'; did you mean 'photos'\?"),
        ("locality", None, "locality: "),
    ],
)
def test_faults_name_file_and_setting(path, value, message):
    import re

    text = fault(changed(path, value))
    assert text.startswith("some.yaml: ")
    assert re.search(message, text), text


def test_all_faults_are_named_at_once():
    raw = changed("training.stepz", 3)
    del raw["seeds"]
    assert {line.split(": ")[1] for line in fault(raw).splitlines()} == {"seeds", "training.stepz"}


def test_an_empty_file_says_what_is_missing():
    assert {line.split(": ")[1] for line in fault({}).splitlines()} == {"experiment", "seeds", "datasets"}


def test_numbers_of_the_command_line_arrive_as_text():
    raw = changed("training", {"steps": "100", "rewind": "10", "rate": "0.5"})
    raw["datasets"]["photos"].update(flips="false", seed="3")
    raw["seeds"] = ["4", "5"]
    config = parse_config(raw, "some.yaml")
    assert (config.training.steps, config.training.rate, config.seeds) == (100, 0.5, [4, 5])
    assert config.datasets["photos"].flips is False and config.datasets["photos"].seed == 3


def test_the_schema_is_fresh():
    written = (ROOT / "workflow/schemas/config.schema.json").read_text(encoding="utf-8")
    assert written == schema(), (
        "run: PYTHONPATH=workflow/scripts python -m winnow.config > workflow/schemas/config.schema.json"
    )


@pytest.mark.parametrize(
    "path", [ROOT / "config.yaml", *sorted((ROOT / "configs").glob("*.yaml"))], ids=lambda p: p.name
)
def test_shipped_experiments_are_good_and_name_their_schema(path):
    import jsonschema

    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    parse_config(raw, path.name)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix) and (path.parent / first.removeprefix(prefix)).resolve().is_file()
    jsonschema.validate(raw, yaml.safe_load(schema()))


def test_experiments_do_not_share_a_folder():
    names = [
        yaml.safe_load(p.read_text())["experiment"] for p in [ROOT / "config.yaml", *(ROOT / "configs").glob("*.yaml")]
    ]
    assert len(set(names)) == len(names)


def test_the_table_of_settings_is_fresh():
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    assert settings_table() in page, "paste the output of: PYTHONPATH=workflow/scripts python -m winnow.config --table"
