"""`snakemake --cores 8 --use-conda` as it is typed, with a real conda, from an environment that holds only Snakemake.

conda, its channel and Snakemake's environment are made in a minute or so and thrown away afterwards: these tests run
only where WINNOW_TEST_CONDA=1 is set.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest

from project import ROOT, Project, copy_project

from .channel import make_channel
from .real_conda import make_conda
from .workflow_rules import imported_packages, script_rules

pytestmark = pytest.mark.skipif(
    os.environ.get("WINNOW_TEST_CONDA") != "1", reason="makes a conda first; run it with WINNOW_TEST_CONDA=1 pytest"
)
TINY = ("--configfile", "configs/tiny.yaml")
# Jobs see Snakemake's environment too, behind their own.  Each takes Snakemake itself from there; the last four are
# packages that scipy, numba and scikit-learn can do without.
SNAKEMAKES = {
    "snakemake",
    "snakemake_interface_common",
    "snakemake_interface_logger_plugins",
    "snakemake_interface_storage_plugins",
    "charset_normalizer",
    "psutil",
    "rich",
    "yaml",
}
# Appended to the library's log.py: each job says beside its log where its interpreter and its modules came from.
PROBE = """

def log_to(path, log_to=log_to):
    import atexit
    import json

    def write_origins():
        files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
        origins = {"executable": sys.executable, "prefix": sys.prefix, "files": files}
        Path(f"{path}.origins").write_text(json.dumps(origins))

    atexit.register(write_origins)
    log_to(path)
"""


@dataclass(frozen=True)
class Conda:
    """A conda whose channels lie in a folder, and an environment with Snakemake alone."""

    folder: Path

    def run(self, *command: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command that finds only this conda and this Snakemake; output and errors in one."""
        path = [self.folder / "snakemake" / "bin", self.folder / "conda" / "condabin", "/usr/bin", "/bin"]
        environment = {
            "PATH": ":".join(map(str, path)),
            "HOME": str(self.folder),
            "OMP_NUM_THREADS": os.environ["OMP_NUM_THREADS"],
            "CONDA_OVERRIDE_CUDA": "",  # no driver, whatever there is
            # Products are rounded as in the tests' own runs.
            **{name: value for name, value in os.environ.items() if name.startswith(("OPENBLAS_", "MKL_", "NPY_"))},
            **variables,
        }
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=900,
        )

    def builds(self, environment: str, **variables: str) -> dict[str, str]:
        """The builds that conda chooses for an environment file, by package."""
        file = ROOT / "envs" / environment
        command = ["conda", "env", "create", "--dry-run", "--json", "--prefix", self.folder / "none", "--file", file]
        done = self.run(*command, **variables)
        assert done.returncode == 0, done.stdout
        solved = json.loads(done.stdout[done.stdout.index("{") :])["dependencies"]
        return {
            name.rpartition(":")[2]: build for name, _, build in (each.replace("==", "=").split("=") for each in solved)
        }


def imported(device: str) -> set[str]:
    """The PyPI packages that the rules' scripts import."""
    return {name for rule in script_rules(device).values() for name in imported_packages(rule.script, device)}


@pytest.fixture(scope="module")
def conda():
    assert (platform.system(), platform.machine()) == ("Linux", "x86_64"), "the tests' channel is for linux-64 only"
    assert sys.version_info[:2] == (3, 11), "the environments ask for Python 3.11, and the channel gets the tests' own"
    with tempfile.TemporaryDirectory(prefix="winnow-conda-") as folder:
        made = Conda(Path(folder))
        make_channel(made.folder / "channels" / "conda-forge", imported("auto") | imported("cuda"))
        make_conda(made.folder / "conda", made.folder / "channels")
        subprocess.run([sys.executable, "-m", "venv", made.folder / "snakemake"], check=True)
        pip = made.folder / "snakemake" / "bin" / "pip"
        subprocess.run([pip, "install", "--quiet", "-r", ROOT / "envs" / "snakemake.txt"], check=True)
        yield made


@pytest.fixture(scope="module")
def finished_in_conda(conda) -> Project:
    """A project in which the tiny experiment has run to its end, and then the rules that are not part of it."""
    project = copy_project(conda.folder / "project")
    with (project.folder / "workflow/scripts/winnow/job/log.py").open("a", encoding="utf-8") as log:
        log.write(PROBE)
    run = "results/tiny/runs/photos/seed0"
    others = ["snip", "rigl", "obd", "obd_rounds", "imp_shuffled_unit"]
    methods = "{imp: {}, oneshot: {}, random: {}, snip: {}, rigl: {settings: {every: 10}}, obd: {}, " + (
        "obd_rounds: {procedure: iterate, criterion: obd}, imp_shuffled_unit: {}, imp_reinitialised: {}}"
    )
    more = [f"{run}/{method}/round1/mask.safetensors" for method in others]
    more += [f"{run}/imp_reinitialised/start.safetensors", "--config", f"methods={methods}"]
    made = "half: {source: blend, of: photos}, rough: {source: clone, of: photos, as: clipped}"
    dial = ["fig8", "--config", "experiment=dial", "seeds=[0]", f"datasets={{{made}}}"]
    choice = ["fig9", "--config", "choices={origin: {locality: {include_origin: true}}}"]
    named = [f"{run}/random/{table}.parquet" for table in ("retrained/round1", "positions", "nongaussianity_by_unit")]
    deep = ["fig10", "--config", "experiment=deep", "seeds=[0]", "datasets={photos: {clone: null}}"]
    deep += ["measure={layers: [2], statistics: [positions, nongaussianity]}"]
    films = ["results/tiny/films/photos_imp_seed0.gif"]  # not MP4: the environments have no ffmpeg
    for target in ([], named, more, dial, choice, deep, films):
        done = conda.run("snakemake", "--cores", "8", "--use-conda", *target, *TINY, cwd=project.folder)
        assert done.returncode == 0, done.stdout[-6000:]
    return project


def test_snakemakes_environment_has_none_of_the_rules_packages(conda):
    (site_packages,) = conda.folder.glob("snakemake/lib/python*/site-packages")
    installed = {each.name.lower() for each in distributions(path=[str(site_packages)])}
    assert "snakemake" in installed and "torch" in imported("auto") and not installed & imported("auto")


def test_every_rule_runs_in_its_environment(finished_in_conda):
    rules, environments = script_rules("auto"), finished_in_conda.folder / ".snakemake" / "conda"
    found = list(finished_in_conda.folder.glob("results/*/logs/*/*.origins"))
    assert {path.parent.name for path in found} == set(rules)
    training = set()
    for path in found:
        rule, origins = rules[path.parent.name], json.loads(path.read_text())
        prefix = Path(origins["prefix"])
        assert prefix.parent == environments, path
        assert Path(f"{prefix}.yaml").read_bytes() == rule.environment.read_bytes(), path
        assert Path(origins["executable"]).is_relative_to(prefix), path
        files = {name: Path(file) for name, file in origins["files"].items() if Path(file).is_absolute()}
        inside = {package(name) for name, file in files.items() if file.is_relative_to(prefix)}
        foreign = {package(name) for name, file in files.items() if not file.is_relative_to(prefix)}
        assert foreign <= {"__main__", "winnow", *SNAKEMAKES}, path
        assert "numpy" in inside, path
        if rule.environment.name == "training.yaml":
            training |= inside
    # Rounds of IMP use numba, methods that look at gradients PyTorch.
    assert training >= {"numpy", "pyarrow", "numba", "torch"}


def package(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("pattern", ["**/*.parquet", "**/*.safetensors", "figures/*"])
def test_results_are_those_of_the_tests_own_environment(finished, finished_in_conda, pattern):
    assert finished.results(pattern).items() <= finished_in_conda.results(pattern).items()


def test_a_pin_that_cannot_be_had_is_named_with_its_file(conda, tmp_path):
    project = copy_project(tmp_path / "project")
    file = project.folder / "envs" / "analysis.yaml"
    file.write_text(re.sub(r"pandas=.*", "pandas=99.9", file.read_text()))
    done = conda.run("snakemake", "--cores", "8", "--use-conda", "results/tiny/data/photos", *TINY, cwd=project.folder)
    assert done.returncode != 0
    assert re.search(r"Could not create conda environment from \S+/envs/analysis\.yaml:", done.stdout), done.stdout
    assert re.search(r"ResolvePackageNotFound:\s+- pandas=99\.9\n", done.stdout), done.stdout
    assert not (project.folder / "results").exists()


def test_the_build_for_cuda_is_chosen_by_its_environment_alone(conda):
    with_driver = {"CONDA_OVERRIDE_CUDA": "12.9"}
    assert conda.builds("gpu.yaml", **with_driver)["pytorch"].startswith("cuda129")
    assert conda.builds("training.yaml", **with_driver)["pytorch"].startswith("cpu_")
    assert conda.builds("training.yaml")["pytorch"].startswith("cpu_")
    assert "pytorch" not in conda.builds("analysis.yaml")


def test_without_a_driver_the_environment_for_cuda_says_what_is_missing(conda, tmp_path):
    project = copy_project(tmp_path / "project")
    cuda = ("--config", "compute={device: cuda}", "--conda-create-envs-only")
    done = conda.run("snakemake", "--cores", "8", "--use-conda", *TINY, *cuda, cwd=project.folder)
    assert done.returncode != 0
    assert re.search(r"Could not create conda environment from \S+/envs/gpu\.yaml:", done.stdout), done.stdout
    assert re.search(r"pytorch==\S+ -> __cuda\s+Your installed version is: not available", done.stdout), done.stdout
