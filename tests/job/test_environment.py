"""What a shell, a notebook or a site has set for other programs does not reach the jobs, and no error goes unsaid."""

import ast
import hashlib
import os
import re
import shlex
import subprocess
import sys

import pytest

from project import SCRIPTS
from winnow.job.environment import command_of, digest_of, keep_from_jobs, prefer_library

FIRST = "from winnow.job.log import log_to\nlog_to(snakemake.log[0])"
FOREIGN = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NUMBA_BOUNDSCHECK": "1",
    "NUMBA_DISABLE_JIT": "1",
    "PYTHONINSPECT": "1",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
}


@pytest.fixture
def environment(monkeypatch) -> dict[str, str]:
    """The process's own, to change."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "PYTHONPATH"))}
    monkeypatch.setattr(os, "environ", own)
    return own


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda script: script.stem)
def test_a_script_opens_its_log_before_it_imports_anything_else(script):
    _, *first = ast.parse(script.read_text(encoding="utf-8")).body[:3]
    assert "\n".join(map(ast.unparse, first)) == FIRST


def test_opening_a_log_imports_nothing_that_is_installed():
    program = "import sys; before = set(sys.modules); import winnow.job.log; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], cwd=SCRIPTS, text=True, capture_output=True, check=True)
    assert {module.partition(".")[0] for module in done.stdout.split()} - sys.stdlib_module_names == {"winnow"}


def test_what_changes_or_breaks_jobs_is_kept_from_them(environment):
    honest = {"NUMBA_CACHE_DIR": "there", "NUMBA_NUM_THREADS": "2", "NUMBA_CPU_NAME": "generic", "OMP_NUM_THREADS": "1"}
    environment |= FOREIGN | honest
    assert keep_from_jobs() == sorted(FOREIGN)
    assert not FOREIGN.keys() & environment.keys() and honest.items() <= environment.items()
    assert keep_from_jobs() == []


@pytest.mark.parametrize(("before", "after"), [("", []), ("/a:/b", ["/a", "/b"]), (f"/a:{SCRIPTS}", ["/a"])])
def test_the_library_comes_before_what_pythonpath_names(environment, before, after):
    environment |= {"PYTHONPATH": before}
    for _ in range(2):
        prefer_library()
        assert environment["PYTHONPATH"].split(os.pathsep) == [str(SCRIPTS), *after]


def test_a_figure_is_drawn_whatever_the_shell_has_set(fresh, tmp_path, monkeypatch):
    another = tmp_path / "another"
    (another / "winnow").mkdir(parents=True)
    (another / "winnow/__init__.py").write_text("raise SystemExit('the library of another clone')\n")
    foreign = {name: FOREIGN[name] for name in ("MPLBACKEND", "NUMBA_DISABLE_JIT", "PYTHONOPTIMIZE")}
    for name, value in {**foreign, "PYTHONPATH": str(another)}.items():
        monkeypatch.setenv(name, value)
    said = fresh.snakemake("--cores", "2", "fig2")
    assert said.count(f"Kept from the jobs, since they would change or break them: {', '.join(foreign)}.") == 1
    log = (fresh.folder / "results/tiny/logs/plot_fig2/figure.log").read_text()
    assert re.fullmatch(r"\S+ \S+ INFO done after \S+ s\nmade by .*\n", log), log


def test_the_log_has_the_error_of_an_import(fresh):
    module = fresh.folder / "workflow/scripts/winnow/datasets/prepare.py"
    module.write_text(module.read_text().replace("import", "import not_installed_here\nimport", 1))
    said = fresh.snakemake("--cores", "1", "results/tiny/data/photos", check=False)
    log = (fresh.folder / "results/tiny/logs/prepare_dataset/photos.log").read_text().splitlines()
    error = "ModuleNotFoundError: No module named 'not_installed_here'"
    assert error in said and error in log and log[-1].startswith("made by ")


# -- what figures say of their making ----------------------------------------------------------------------------------


def test_the_digest_of_a_configuration_does_not_depend_on_the_order_of_its_keys():
    one, other = {"seeds": [0, 1], "figures": {"width": 89.0, "units": 4}}, {"figures": {"units": 4, "width": 89.0}}
    assert digest_of(one) == digest_of({**other, "seeds": [0, 1]}) != digest_of({**other, "seeds": [1, 0]})
    compact = '{"figures":{"units":4,"width":89.0},"seeds":[0,1]}'
    assert digest_of(one) == f"sha256:{hashlib.sha256(compact.encode()).hexdigest()}"


def test_the_command_has_what_the_results_depend_on_and_reads_as_it_was_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command_of([], {}) == "snakemake --cores 1"
    files = ["configs/tiny.yaml", tmp_path / "my own.yaml", "/elsewhere/a.yaml"]
    command = command_of(files, {"seeds": [0, 1], "datasets": {"photos": {"clone": None}}})
    assert shlex.split(command) == [
        *("snakemake", "--cores", "1"),
        *("--configfile", "configs/tiny.yaml", "my own.yaml", "/elsewhere/a.yaml"),
        *("--config", 'datasets={"photos": {"clone": null}}', "seeds=[0, 1]", "--"),
    ]
    assert str(tmp_path) not in command
