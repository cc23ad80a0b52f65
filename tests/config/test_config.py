import copy
import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from project import lay_out_data
from winnow.config.documents import schema, settings_table
from winnow.config.parse import parse_config
from winnow.config.sections import Network, Training
from winnow.config.words import ConfigError
from winnow.datasets.files.imagenet32 import IMAGENET32_TRAIN, IMAGENET32_VALIDATION
from winnow.network import initial_network
from winnow.training.settings import TrainingSettings

ROOT = Path(__file__).parents[2]
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


def test_an_exact_clone_is_dumped_as_before_there_were_kinds():
    """What Snakemake compares of a clone that was made stays the same; any other says what it is."""
    exact, clipped = ({"source": "nlgp", "clone": {"as": kind}} for kind in ("exact", "clipped"))
    more = {"source": "clone", "of": "b", "as": "phases", "per": "joint"}
    config = parse_config({**GOOD, "datasets": {"a": exact, "b": clipped, "c": more}}, "some.yaml")
    assert config.clone_of("a").model_dump() == {"per": "channel", "fit_per_class": None, "seed": 0}
    assert config.clone_of("b").model_dump()["kind"] == "clipped"
    assert config.all_datasets == ["a", "a-clone", "b", "b-clone", "c"] and config.plain("c").n_inputs == 1024
    dumped = config.model_dump(mode="json", by_alias=True)
    assert dumped["datasets"]["c"]["as"] == "phases" and parse_config(dumped, "again") == config


def test_new_settings_are_no_parameters_of_a_rule_at_their_defaults():
    """What Snakemake compares of a training stays as it was before there were these settings."""
    plain = parse_config(GOOD, "some.yaml")
    assert list(plain.training.params()) == ["steps", "rewind", "batch", "rate", "log_every", "engine", "precision"]
    assert plain.network.params("hidden", "initial_weights", "batch_norm") == {
        **{"hidden": [1024, 1024], "initial_weights": "uniform"},
    }
    assert list(plain.model_dump(mode="json")["training"])[:4] == ["steps", "rewind", "batch", "replacement"]
    changed = {"network": {"batch_norm": False}, "training": {"schedule": "step", "milestones": [0.3]}}
    other = parse_config({**GOOD, **changed}, "some.yaml")
    assert other.network.params("batch_norm", "norm_keep") == {"batch_norm": False, "norm_keep": 0.99}
    assert other.training.params() == {**plain.training.params(), "schedule": "step", "milestones": [0.3]}
    assert parse_config(other.model_dump(mode="json", by_alias=True), "again") == other


def test_a_training_has_the_defaults_of_the_configuration():
    """Of the settings that `params` leaves out."""
    of_training = {field.name: field.default for field in dataclasses.fields(TrainingSettings)}
    for name in Training.later:
        default = Training.default(name)
        assert of_training[name] == (tuple(default) if isinstance(default, list) else default), name
    assert inspect.signature(initial_network).parameters["batch_norm"].default is Network.default("batch_norm")
    assert Training(schedule="step").params()["schedule"] == "step"


CLONED = {"source": "nlgp", "clone": {}}
DIALLED = {"source": "elliptical", "excess_kurtosis": 1.0}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sed", [1], r"some.yaml: sed: there is no such setting; did you mean 'seeds'\?"),
        ("training.stepz", 3, r"training.stepz: there is no such setting; did you mean 'steps'\?"),
        ("datasets.photos.tiles", 3, r"datasets.photos.tiles: there is no such setting; did you mean 'tile'\?"),
        ("datasets.blobs.clone", {"per": "chanel"}, r"datasets.blobs.clone.per: .*'channel'.*did you mean 'channel'\?"),
        ("datasets.blobs.clone", {"pre": 1}, r"datasets.blobs.clone.pre: .*did you mean 'per'\?"),
        ("datasets.photos.source", "photo", "datasets.photos.source: must be one of photos, nlgp, .*'photo'; did you"),
        (
            "datasets.new",
            {"side": 3},
            "datasets.new.source: must be one of photos, nlgp, saturating, heavy_tailed, elliptical, blend, clone, ",
        ),
        ("datasets.nlgp", {"source": "photos", "tiles": 3}, r"datasets.nlgp.tiles: .*did you mean 'tile'\?"),
        ("datasets", {}, "datasets: .*at least 1"),
        ("datasets.a/b", {"source": "photos"}, "'a/b' may hold letters, digits"),
        ("datasets.blobs.clone", {"as": "clip"}, r"datasets.blobs.clone.as: .*'clip'; did you mean 'clipped'\?"),
        ("datasets.blobs.clone", {"kind": "clipped"}, "datasets.blobs.clone.kind: there is no such setting"),
        ("datasets.blobs.clone", {"as": "phases", "fit_per_class": 9}, "blobs.clone: fit_per_class is of Gaussians"),
        ("datasets.new", {"source": "clone", "of": "phots"}, r"new.of: there is no dataset 'phots'; did you mean"),
        ("datasets.new", {"source": "clone", "of": "photos", "kind": "exact"}, "new.kind: there is no such setting"),
        ("datasets.new", {"source": "clone", "of": "new"}, "datasets.new.of: 'new' must be no clone and no blend"),
        (
            "datasets",
            {"a": {"source": "nlgp", "clone": {"as": "clipped"}}, "b": {"source": "blend", "of": "a"}},
            "datasets.b.of: the clone of 'a' is clipped, and only an exact one",
        ),
        ("datasets.a-clone", {"source": "photos"}, "names ending in -clone belong to Gaussian clones"),
        ("datasets.photos.photos", "no such folder", "there is no folder 'no such folder'"),
        ("datasets.photos.tile", 40, "no room.*raise tile to at least 64"),
        ("datasets.photos.band", 20, r"band \(20\) must hold a validation patch: raise it to at least 32"),
        ("datasets.blobs.correlation_lengths", [2.0], "correlation_lengths: .*at least 2"),
        (
            "datasets.new",
            {"source": "saturating", "excess_kurtosis": 0.5},
            "excess_kurtosis: .*less than or equal to 0",
        ),
        ("datasets.new", {"source": "blend", "of": "phots"}, r"datasets.new.of: there is no dataset 'phots'; did you"),
        ("datasets.new", {"source": "blend", "of": "photos"}, "datasets.new.of: 'photos' must be no blend, and have a"),
        (
            "datasets",
            {"a": CLONED, "b": {"source": "blend", "of": "a"}, "c": DIALLED},
            "figure 8 cannot draw on one axis",
        ),
        ("datasets.new", {"source": "elliptical", "excess_kurtosis": -0.5}, "excess_kurtosis: .*equal to 0"),
        ("datasets.new", {"source": "heavy_tailed", "correlation_lengths": [2.0, 33.0]}, "33.0 exceeds the side 32"),
        ("experiment", "../elsewhere", "experiment: .*may hold letters"),
        ("experiment", 7, "experiment: .*valid string; it is 7"),
        ("seeds", [1, 1], "seeds: a seed is listed twice"),
        ("seeds", 3, "seeds: .*valid list; it is 3"),
        ("seeds", [-1], "seeds.0: .*greater than or equal to 0"),
        ("training.steps", "1e3", r"training.steps: .*YAML reads numbers such as 1e3 as text: write 1000"),
        ("training.steps", True, r"training.steps: .*YAML reads on, off, yes and no"),
        ("training.steps", 10.5, "training.steps: .*10.5"),
        ("training.momentum", 1.0, "training.momentum: .*less than 1"),
        ("training.momentum", -0.1, "training.momentum: .*greater than or equal to 0"),
        ("training.weight_decay", -1e-4, "training.weight_decay: .*greater than or equal to 0"),
        ("training.weight_decay", 20.0, r"rate \(0.1\) times weight_decay \(20\) must be below 2: .* grow for ever"),
        ("training.schedule", "cosin", "training.schedule: .*'cosin'; did you mean 'cosine'"),
        ("training.milestones", [0.5], "milestones: only the schedule step uses them; schedule is constant: set it to"),
        (
            "training",
            {"schedule": "cosine", "rate_factor": 0.5},
            "rate_factor: only the schedule step uses them; sched",
        ),
        ("training", {"schedule": "step", "milestones": [0.5, 0.5]}, r"milestones must increase; .* \[0.5, 0.5\]"),
        ("training", {"schedule": "step", "milestones": [1.0]}, "training.milestones.0: .*less than 1"),
        ("training.replacement", "no", "training.replacement: .*valid boolean"),
        ("network.batch_norm", 1, "network.batch_norm: .*valid boolean"),
        ("training.rewind", 40000, r"rewind \(40000\) must be smaller than steps \(40000\)"),
        ("training.batch", 1, "training.batch: .*greater than or equal to 2"),
        ("training.rate", 0, "training.rate: .*greater than 0"),
        ("training.engine", "spars", r"training.engine: .*did you mean 'sparse'\?"),
        ("training.precision", "float16", "training.precision: .*'float64'; it is 'float16'"),
        ("compute.device", "gpu", "compute.device: .*'cuda'; it is 'gpu'"),
        ("pruning.share", 1, "pruning.share: .*less than 1"),
        ("pruning.share", float("nan"), "pruning.share: "),
        ("pruning.criterion", "magntude", r"no criterion 'magntude'; did you mean 'magnitude'\?"),
        ("pruning.rounds", 100, "100 rounds of 0.3 leave no parameter of a layer with"),
        ("pruning.retrain_baselines", "maybe", "retrain_baselines: "),
        ("network.hidden", [], "network.hidden: "),
        ("network.hidden", 256, "network.hidden: .*valid list"),
        ("components.number", 2000, "components.number: dataset 'blobs' has only 1024 inputs"),
        ("figures.dataset", "photo", r"no dataset 'photo'; did you mean 'photos'\?"),
        ("explorer", {"seeds": [0, 77]}, r"explorer.seeds: \[77\] are not among the seeds"),
        ("locality", None, "locality: "),
        ("measure", {"statistics": ["position"]}, r"measure.statistics.0: .*did you mean 'positions'\?"),
        ("measure", {"statistics": ["positions", "positions"]}, "measure.statistics: a statistic is listed twice"),
        (
            "measure",
            {"layers": [1, 3]},
            r"measure.layers: there is no hidden layer 3; network.hidden has 2, of which 1",
        ),
        ("measure", {"layers": [2, 2]}, r"measure.layers: a layer is listed twice: \[2, 2\]"),
        ("measure", {"layers": [0]}, "measure.layers.0: .*greater than or equal to 1"),
        ("measure", {"layers": []}, "measure.layers: "),
        ("measure", {"layers": 2}, "measure.layers: .*valid list"),
    ],
)
def test_faults_name_file_and_setting(path, value, message):
    import re

    text = fault(changed(path, value))
    assert text.startswith("some.yaml: ")
    assert re.search(message, text), text


def of_source(source: str, **settings) -> dict:
    return {**GOOD, "datasets": {"mine": {"source": source, **settings}}}


def test_sources_in_files_ask_for_their_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faults = {
        "datasets.mine.folder: there is no folder 'data/imagenet32'": of_source("imagenet32", folder="data/imagenet32"),
        "datasets.mine.path: there is no file or folder 'data/cifar-10-python.tar.gz'": of_source(
            "cifar10", path="data/cifar-10-python.tar.gz"
        ),
        "datasets.mine.path: there is no file or folder 'x'": of_source("cifar100", path="x"),
        "datasets.mine.folder: there is no folder 'y'": of_source("image_folder", folder="y"),
    }
    for message, raw in faults.items():
        assert fault(raw).startswith(f"some.yaml: {message} (relative to where Snakemake runs)")
    lay_out_data(tmp_path)
    (tmp_path / "data/imagenet32/train_data_batch_4").unlink()
    assert "mine.folder: the folder 'data/imagenet32' lacks train_data_batch_4;" in fault(
        of_source("imagenet32", folder="data/imagenet32")
    )
    for raw in (of_source("imagenet32", folder="data"), of_source("cifar10", path="data")):
        assert "lacks" in fault(raw)


def test_sources_in_files_list_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lay_out_data(tmp_path)

    def files(raw) -> list[str]:
        return [path.as_posix() for path in parse_config(raw, "some.yaml").datasets["mine"].files()]

    assert files(of_source("photos")) == files(of_source("nlgp")) == []
    assert files(of_source("cifar10", path="data/cifar-10-python.tar.gz")) == ["data/cifar-10-python.tar.gz"]
    assert files(of_source("imagenet32", folder="data/imagenet32")) == [
        f"data/imagenet32/{name}" for name in (*IMAGENET32_TRAIN, IMAGENET32_VALIDATION)
    ]
    for name in ("train", "test", "meta"):
        (tmp_path / "data" / name).touch()
    assert files(of_source("cifar100", path="data", labels="coarse")) == ["data/train", "data/test", "data/meta"]
    for name in ("a/2.png", "b/1.png", "a/1.png", ".git/x"):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / name).touch()
    images = [f"pictures/{name}" for name in ("a/1.png", "a/2.png", "b/1.png")]
    assert files(of_source("image_folder", folder="pictures", validation_share=0.2)) == images
    assert files(of_source("photos", photos="pictures")) == images


def test_paths_start_at_home_or_at_a_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MY_DATA", str(tmp_path / "data"))
    for name in ("data/a", "data/b", "data/$5"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").touch()
    for folder in ("~/data", "$HOME/data", "${MY_DATA}", "$MY_DATA/../data"):
        dataset = parse_config(of_source("image_folder", folder=folder, validation_share=0.2), "x").datasets["mine"]
        assert Path(dataset.folder).samefile(tmp_path / "data") and "~" not in dataset.folder
    assert parse_config(of_source("photos", photos="~/data/$5"), "x").datasets["mine"].files()
    (tmp_path / "cifar.tar").touch()
    parse_config(of_source("cifar10", path="~/cifar.tar"), "x")
    for folder in ("$NOWHERE/data", "${NOWHERE}/data"):
        said = fault(of_source("photos", photos=folder))
        assert f"datasets.mine.photos: {folder!r}: the environment has no variable {folder[:-5]};" in said


def test_imagenet64_is_told_by_the_size_of_its_files(tmp_path):
    lay_out_data(tmp_path)
    folder = tmp_path / "data/imagenet32"
    config = parse_config(of_source("imagenet32", folder=str(folder), side="64"), "some.yaml")  # of the command line
    assert config.datasets["mine"].n_inputs == 12288 and config.datasets["mine"].model_dump()["side"] == 64
    # A side of 32 is no parameter of the rule: datasets made before there was the setting are not made again.
    config = parse_config(of_source("imagenet32", folder=str(folder), side=32), "some.yaml")
    assert config.datasets["mine"].n_inputs == 3072 and "side" not in config.datasets["mine"].model_dump()
    assert "side: must be one of 8, 16, 32, 64; it is 20" in fault(of_source("imagenet32", folder=str(folder), side=20))
    for name, n in (("train_data_batch_3", 128_116), ("val_data", 50_000)):
        with (folder / name).open("wb") as file:
            file.truncate(n * 12288)  # of nothing: it takes no place
        said = fault(of_source("imagenet32", folder=str(folder)))
        assert f"{name}: holds images of 64 x 64 pixels, as ImageNet64 has, not 32 x 32: set side: 64" in said
        parse_config(of_source("imagenet32", folder=str(folder), side=64), "some.yaml")
        (folder / name).write_bytes(b"")


def test_a_folder_of_images_is_split_in_one_way(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    said = fault(of_source("image_folder", folder=str(tmp_path)))
    assert "validation_share: the folder" in said and "such as 0.1" in said
    for name in ("train/a", "train/b", "val/a", "val/b"):
        (tmp_path / name).mkdir(parents=True)
    parse_config(of_source("image_folder", folder=str(tmp_path)), "some.yaml")
    said = fault(of_source("image_folder", folder=str(tmp_path), validation_share=0.1))
    assert "has validation images of its own: remove this setting" in said


def test_the_papers_experiment_is_the_papers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lay_out_data(tmp_path)
    config = parse_config(yaml.safe_load((ROOT / "configs/paper.yaml").read_text(encoding="utf-8")), "paper.yaml")
    (dataset,) = config.datasets.values()
    assert (dataset.source, dataset.classes, dataset.n_inputs) == ("imagenet32", 1000, 3072)
    assert (dataset.max_train_per_class, dataset.max_validation_per_class) == (None, None)
    assert (dataset.clone.per, dataset.clone.fit_per_class) == ("channel", 100)
    assert config.network.hidden == [1024, 1024] and len(config.seeds) == 3
    training = config.training
    assert (training.steps, training.rewind, training.batch, training.rate) == (40000, 1000, 40, 0.1)
    assert (config.pruning.rounds, config.pruning.share) == (10, 0.3)
    assert (config.components.number, config.components.max_images) == (64, None)


def test_listing_files_imports_neither_numpy_nor_torch():
    code = "import sys, winnow.config; print([name for name in ('numpy', 'torch', 'PIL') if name in sys.modules])"
    library = ROOT / "workflow/scripts"
    printed = subprocess.run([sys.executable, "-c", code], cwd=library, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


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


@pytest.mark.parametrize("key", [".defaults", "x-photos", "x-"])
def test_anchors_have_a_place_of_their_own(key):
    import jsonschema

    datasets = "datasets:\n  a: *it\n  b: {<<: *it, seed: 1}\n"
    raw = yaml.safe_load(f"{key}: &it {{source: photos, side: 16}}\nexperiment: x\nseeds: [0]\n{datasets}")
    config = parse_config(raw, "some.yaml")
    assert [dataset.side for dataset in config.datasets.values()] == [16, 16] and config.datasets["b"].seed == 1
    assert key not in config.model_dump()
    jsonschema.validate(raw, yaml.safe_load(schema()))
    assert "x_photos: there is no such setting" in fault({**raw, "x_photos": 1})
    assert f"training.{key}: there is no such setting" in fault({**raw, "training": {key: 1}})


def test_the_schema_is_fresh():
    written = (ROOT / "workflow/schemas/config.schema.json").read_text(encoding="utf-8")
    assert written == schema(), (
        "run: PYTHONPATH=workflow/scripts python -m winnow.config > workflow/schemas/config.schema.json"
    )


@pytest.mark.parametrize(
    "path", [ROOT / "config.yaml", *sorted((ROOT / "configs").glob("*.yaml"))], ids=lambda p: p.name
)
def test_shipped_experiments_are_good_and_name_their_schema(path, tmp_path, monkeypatch):
    import jsonschema

    lay_out_data(tmp_path)
    monkeypatch.chdir(tmp_path)
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
