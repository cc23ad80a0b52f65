"""What the rules say of themselves: their scripts, their environments, and what those scripts import."""

import ast
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

from project import ROOT

LIBRARY = ROOT / "workflow" / "scripts"
# What these modules import inside functions is imported on a GPU only.
FOR_GPUS = {LIBRARY / "winnow" / "job" / "devices.py", LIBRARY / "winnow" / "measure" / "arrays.py"}
# Packages whose files are read, found by their path: an import would take a second.
READ = {LIBRARY / "winnow" / "datasets" / "files" / "photos.py": {"skimage", "sklearn"}}


@dataclass(frozen=True)
class Rule:
    """A rule that runs a script."""

    script: Path
    environment: Path


@cache
def script_rules(device: str) -> dict[str, Rule]:
    """The rules that run a script, by name, as Snakemake has read them with `compute.device` set."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        # The interface offers the rules' names only.
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(
                configfiles=[ROOT / "configs" / "tiny.yaml"],
                # Figure 8 is for datasets with a dial, 9 for choices that are varied, 10 for deeper layers.
                config={
                    "compute": {"device": device},
                    "datasets": {"heavy": {"source": "heavy_tailed"}},
                    "choices": {"fast": {"training": {"rate": 0.2}}},
                    "measure": {"layers": [1, 2]},
                },
            ),
            snakefile=ROOT / "Snakefile",
            workdir=ROOT,
        )._workflow
        rules = [rule for rule in workflow.rules if rule.script]
    return {
        rule.name: Rule(*(Path(str(rule.basedir), path).resolve() for path in (rule.script, rule.conda_env)))
        for rule in rules
    }


def imported_packages(script: Path, device: str) -> set[str]:
    """The PyPI packages that a script imports on a device, itself and through the library.

    Args:
        script: the script's file.
        device: `cuda`, or another: then without what is for GPUs only.
    """
    files, waiting, found = set(), [script], set()
    while waiting:
        file = waiting.pop()
        if file in files:
            continue
        files.add(file)
        found |= READ.get(file, set())
        for module in imported(file, everything=device == "cuda" or file not in FOR_GPUS):
            inside = library_files(module)
            waiting += inside
            if not inside and module.partition(".")[0] not in sys.stdlib_module_names:
                found.add(module.partition(".")[0])
    return {installed()[package][0].lower() for package in found}


installed = cache(packages_distributions)


@cache
def imported(file: Path, everything: bool) -> frozenset[str]:
    """The modules that a file imports; without `everything` only those that it imports when it is imported itself."""
    modules: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{file}: imports are absolute here"
            modules.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif everything or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return frozenset(modules)


def library_files(module: str) -> list[Path]:
    """The files of the library that importing a module runs; none where it is not the library's."""
    parts = module.split(".")
    packages = [LIBRARY.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
    return [file for file in [*packages, LIBRARY.joinpath(*parts).with_suffix(".py")] if file.is_file()]
