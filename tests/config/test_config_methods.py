"""The methods of a configuration."""

import subprocess
import sys

import pytest
import yaml
from test_config import GOOD, ROOT, fault

from winnow.config.parse import parse_config
from winnow.pruning.criteria.registry import CRITERIA
from winnow.pruning.methods import BUILT_IN, MAKERS, PAPER


def methods(given, **pruning):
    return parse_config({**GOOD, "methods": given, **({"pruning": pruning} if pruning else {})}, "some.yaml")


def test_the_papers_methods_are_the_default_and_as_they_were():
    config = parse_config(GOOD, "some.yaml")
    assert list(config.methods) == list(PAPER) == ["imp", "oneshot", "random"]
    assert config.all_methods == BUILT_IN
    assert methods(["random", "imp"]).methods.keys() == {"random", "imp"}


def test_a_method_is_changed_or_made():
    config = methods(
        {
            "imp": None,
            "snip": {"settings": {"images": 200}, "pool": "layerwise"},
            "mine": {"procedure": "at_start", "criterion": "magnitude", "at": "initialisation"},
            "null_of_mine": {"procedure": "from_masks", "criterion": "shuffled_unit", "of": "mine"},
        }
    )
    found = config.all_methods
    assert found["imp"] == BUILT_IN["imp"]
    assert (found["snip"].pool, found["snip"].settings) == ("layerwise", {"images": 200})
    assert found["snip"].all_settings("magnitude") == {"images": 200, "per_class": 0, "statistics": "running"}
    assert found["mine"].criterion == "magnitude" and found["mine"].is_nested(found)
    assert found["null_of_mine"].of == "mine"
    assert set(BUILT_IN) < set(found)


def test_numbers_of_the_command_line_are_numbers():
    found = methods({"snip": {"settings": {"images": "200"}}, "synflow": {"iterations": "3"}}).all_methods
    assert found["snip"].settings == {"images": 200} and found["synflow"].iterations == 3


def test_another_criterion_does_not_take_over_the_settings_of_the_built_in_one():
    given = {"kurtosis_random": {"settings": {"draws": 3}, "criterion": "shuffled_unit"}}
    assert "there is no such setting" in fault({**GOOD, "methods": given})
    assert methods({"snip": {"criterion": "synflow"}}).all_methods["snip"].all_settings("magnitude") == {}


def test_masks_are_nested_where_one_order_gives_them_or_each_goes_on_from_the_last():
    found = methods({"s": {"procedure": "from_masks", "criterion": "shuffled_unit", "of": "synflow"}}).all_methods
    nested = {name for name, method in found.items() if method.is_nested(found)}
    assert {"imp", "oneshot", "random", "snip", "cavity", "obd", "imp_shuffled_unit"} <= nested
    assert nested.isdisjoint({"synflow", "synflow_layerwise", "kurtosis_random", "s"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["imp", "onshot"], "methods.onshot: there is no method 'onshot'; did you mean 'oneshot'?"),
        (["imp", "imp"], "methods: imp: listed twice"),
        ([], "methods: "),
        (3, "methods: is to be a list of names"),
        ({"imp": 3}, "methods.imp: is to hold settings"),
        ({"imp": {"critrion": "x"}}, "methods.imp.critrion: there is no such setting; did you mean 'criterion'?"),
        ({"imp": {"criterion": "magnitud"}}, "methods.imp.criterion: there is no criterion 'magnitud'; did you mean"),
        ({"imp": {"procedure": "iterat"}}, "did you mean 'iterate'?"),
        ({"snip": {"settings": {"image": 3}}}, "methods.snip.settings.image: there is no such setting; did you mean"),
        ({"snip": {"settings": {"images": 3.5}}}, "methods.snip.settings.images: is to be a whole number"),
        ({"snip": {"settings": {"images": "many"}}}, "methods.snip.settings.images: is to be a number"),
        ({"snip": {"settings": {"images": True}}}, "methods.snip.settings.images: is to be a number"),
        ({"snip": {"settings": {"images": -1}}}, "methods.snip.settings.images: must not be negative"),
        ({"snip": {"settings": {"statistics": "mean"}}}, "must be one of running, batch; it is 'mean'"),
        ({"imp": {"iterations": 3}}, "belong to the procedure at_start"),
        ({"imp": {"by_round": True}}, "methods.imp.by_round: belongs to the procedure at_start, and to oneshot with"),
        ({"oneshot": {"by_round": True}}, "other scores are the same in every round"),
        ({"a": {"procedure": "from_masks", "criterion": "randm"}}, "did you mean 'random'?"),
        ({"a": {"procedure": "from_masks", "criterion": "random", "of": "im"}}, "did you mean 'imp'?"),
        ({"a": {"procedure": "from_masks", "criterion": "random", "of": "a"}}, "a of a: masks have to come from"),
        ({"a": {"procedure": "from_masks", "criterion": "random", "of": "synflow"}}, "shuffled_layer"),
        (["dense"], "methods.dense: 'dense' has this name"),
        ({"IMP": {"procedure": "iterate"}}, "methods.IMP: 'imp' has this name"),
        ({"a/b": {"procedure": "iterate"}}, "may hold letters, digits"),
    ],
)
def test_faults_name_the_method_and_the_nearest_word(given, message):
    said = fault({**GOOD, "methods": given})
    assert said.startswith("some.yaml: methods") and message in said, said


def test_criteria_of_networks_are_none_of_pruning():
    assert "no criterion 'snip'" in fault({**GOOD, "pruning": {"criterion": "snip"}})
    assert methods(["imp"], criterion="magnitude_increase").all_methods["imp"].known("magnitude_increase")


def test_every_built_in_method_is_complete():
    for name, method in BUILT_IN.items():
        known = MAKERS if method.procedure == "from_masks" else CRITERIA
        assert (method.criterion or "magnitude") in known, name
        assert method.settings.keys() <= method.all_settings("magnitude").keys()


def test_a_configuration_imports_neither_numpy_nor_torch():
    code = "import sys, winnow.config.parse; sys.exit(bool({'numpy', 'torch', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT / "workflow" / "scripts").returncode == 0


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("methods_edges", "config"),
        ("methods_tries", "config"),
        ("methods_photos", "configs/photos"),
        ("methods_cifar10_images", "configs/cifar10_images"),
    ],
)
def test_experiments_of_methods_differ_from_another_in_methods_clone_and_retraining_alone(name, base):
    def raw(path):
        found = yaml.safe_load((ROOT / f"{path}.yaml").read_text(encoding="utf-8"))
        for dataset in found["datasets"].values():
            dataset.pop("clone", None)
        found.get("pruning", {}).pop("retrain_baselines", None)
        return {key: value for key, value in found.items() if key not in {"experiment", "methods", "seeds"}}

    assert raw(f"configs/{name}") == raw(base)


def test_what_is_tried_is_judged_on_other_seeds():
    tried, judged = (
        yaml.safe_load((ROOT / f"configs/methods_{name}.yaml").read_text(encoding="utf-8"))
        for name in ("tries", "edges")
    )
    assert not set(tried["seeds"]) & set(judged["seeds"])
