"""What the environments hold: pip's versions, and neither less nor more than the rules' scripts import."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from project import ROOT

from .channel import conda_name
from .workflow_rules import imported_packages, script_rules

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINNED = {conda_name(r.name): str(r.specifier) for r in map(Requirement, PROJECT["dependencies"])}


def packages(environment: Path) -> dict[str, str]:
    """Versions in an environment file, by conda's name, without builds and Python."""
    listed = yaml.safe_load(environment.read_text(encoding="utf-8"))["dependencies"]
    versions = dict(package.split("=")[:2] for package in listed)
    return {name: version for name, version in versions.items() if name != "python"}


def snakemakes_own() -> dict[str, str]:
    lines = (ROOT / "envs" / "snakemake.txt").read_text(encoding="utf-8").splitlines()
    return {r.name: str(r.specifier) for r in map(Requirement, (line for line in lines if not line.startswith("#")))}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.name)
def test_an_environment_is_strict(environment):
    file = yaml.safe_load(environment.read_text(encoding="utf-8"))
    assert set(file) == {"channels", "dependencies"}
    assert file["channels"] == ["conda-forge", "nodefaults"]
    for package in file["dependencies"]:
        assert re.fullmatch(r"[a-z0-9-]+=[0-9.]+(=(cpu_|cuda)\*)?", package), package
    assert file["dependencies"][0] == "python=3.11"
    assert "3.11" in SpecifierSet(PROJECT["requires-python"])


def test_pip_and_the_environments_have_the_same_packages_and_versions():
    found = snakemakes_own()
    for environment in ENVIRONMENTS:
        for name, version in packages(environment).items():
            assert found.setdefault(name, f"=={version}") == f"=={version}", f"{name} in {environment.name}"
    assert found == PINNED


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda"])
def test_an_environment_holds_what_its_rules_import(device):
    imported: dict[Path, set[str]] = {}
    for rule in script_rules(device).values():
        imported.setdefault(rule.environment, set()).update(map(conda_name, imported_packages(rule.script, device)))
    assert {file.name: names for file, names in imported.items()} == {
        file.name: set(packages(file)) for file in imported
    }
    assert {file.name for file in imported} == {"analysis.yaml", "gpu.yaml" if device == "cuda" else "training.yaml"}


def test_only_training_carries_torch_and_only_for_one_kind_of_device():
    builds = {file.name: re.findall(r"- pytorch=.*=(\S+)", file.read_text(encoding="utf-8")) for file in ENVIRONMENTS}
    assert builds == {"analysis.yaml": [], "gpu.yaml": ["cuda*"], "training.yaml": ["cpu_*"]}


def test_the_container_recipe_passes_the_linter():
    hadolint = shutil.which("hadolint")
    assert hadolint, "hadolint is missing; pip install '.[test]' brings it along"
    done = subprocess.run([hadolint, ROOT / "envs" / "Containerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_container_installs_this_project_on_the_environments_python():
    recipe = (ROOT / "envs" / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^FROM python:3\.11-", recipe, re.MULTILINE)
    (copied,) = re.findall(r"^COPY (.*) \./$", recipe, re.MULTILINE)
    needed = {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]}
    assert set(copied.split()) == needed and all((ROOT / file).is_file() for file in needed)
    assert re.search(r"^RUN pip install \S+ \.$", recipe, re.MULTILINE)
