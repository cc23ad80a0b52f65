"""What contributors and the catalog of workflows are told, agrees with the project."""

import re
import subprocess
import sys

import yaml
from pages import read

from project import ROOT


def test_the_hooks_are_valid_and_need_nothing_from_elsewhere():
    path = ROOT / ".pre-commit-config.yaml"
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(path)]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    for repository in yaml.safe_load(path.read_text(encoding="utf-8"))["repos"]:
        assert repository["repo"] == "local"
        assert {hook["language"] for hook in repository["hooks"]} == {"system"}


def test_the_entry_in_the_catalog_of_workflows():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    assert usage["software-stack-deployment"]["conda"] is True
    assert usage["software-stack-deployment"]["report"] is True


def test_modules_and_tests_that_contributing_names_exist():
    text = read("CONTRIBUTING.md")
    modules = set(re.findall(r"python -m ((?:tests|benchmarks)[\w.]*)", text))
    assert modules
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists(), module
