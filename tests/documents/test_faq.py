"""The FAQ's commands answer their questions: the blocks as they stand there, asked of the finished tiny experiment.

Calls with `--cores 8` are planned, not run; that all calls are accepted is asked in `test_commands`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import blocks, on_tiny, own_images, section, snakemake_calls
from PIL import Image
from snakemake.cli import parse_args, parse_config

from project import Project

SHELL = """
snakemake() {
    local more=(--nocolor)
    case " $* " in *" --cores 8 "*) more=(--nocolor --dry-run) ;; esac
    case " $* " in *" --configfile "*) ;; *) more=(--configfile configs/tiny.yaml "${more[@]}") ;; esac
    command "$PYTHON" -m snakemake "${more[@]}" "$@"
}
"""


def answer(project: Project, question: str, which: slice = slice(None), *, before: str = "") -> str:
    """What the commands below a question say, their errors too.

    Args:
        which: the blocks to run.
        before: commands that make the question one.
    """
    code = "\n".join(block.code for block in blocks(section("docs/faq.md", question), "sh")[which])
    assert code
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", SHELL + before + "\n" + on_tiny(code)],
        cwd=project.folder,
        env={**os.environ, "PYTHON": sys.executable, "PATH": path},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    ).stdout


def test_why_it_ran_again(continued):
    with (continued.folder / "configs/tiny.yaml").open("a") as config:
        config.write("locality:\n  min_weights: 6\n")
    said = answer(continued, "Why did it run again?")
    assert "params have changed since last execution:\n        measure_locality\n" in said
    assert "reason: Missing output files: results/tiny/data/photos" in said


def test_computing_a_step_once_more(finished):
    said = answer(finished, "I changed the code, and there is nothing to be done")
    assert "rule measure_cavity" in said and "rule plot_fig5" in said and "rule train_dense" not in said


def test_which_job_made_a_file(finished):
    said = answer(finished, "Which job made this file, with what code, on what machine?")
    assert "gather_statistic\tresults/tiny/logs/gather_statistic/cavity.log\tok\tno update" in said
    assert 'made by {"python": ' in said and '"commit": ' in said
    assert "{'device': " in said and "'engine': " in said


def test_which_jobs_run_now(continued):
    log = continued.folder / "results/tiny/logs/prune_imp_round/photos_seed0_imp_round2.log"
    log.write_text("".join(line for line in log.read_text().splitlines(True) if not line.startswith("made by")))
    said = answer(continued, "It seems frozen", slice(0, 1))
    assert said.splitlines() == ["results/tiny/logs/prune_imp_round/photos_seed0_imp_round2.log"]
    assert "max_rss" in answer(continued, "It seems frozen", slice(2, None))


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps here")
def test_whether_a_job_computes(finished):
    job = "bash -c 'exec -a .snakemake/scripts/tmp.train_dense.py sleep 60' & trap 'kill $!' EXIT; sleep 0.2"
    assert "train_dense.py" in answer(finished, "It seems frozen", slice(1, 2), before=job)


def test_a_refused_folder(fresh):
    config = own_images(fresh.folder)
    photographs = fresh.folder / "path/to/photographs"
    config.write_text(config.read_text() + "    side: 8\n    train_per_class: 8\n    validation_per_class: 4\n")
    Image.new("RGB", (200, 300)).save(photographs / "cut.png")
    (photographs / "cut.png").write_bytes((photographs / "cut.png").read_bytes()[:60])
    said = answer(fresh, "My folder of images is refused", slice(1, None))
    assert "; 1 of 1 jobs" in said and "WARNING cut.png is not used: " in said


def test_swallowed_targets():
    assert list(map(str, parse_args(["--configfile", "a.yaml", "fig4"])[1].configfile)) == ["a.yaml", "fig4"]
    with pytest.raises(ValueError, match="Unparsable value: 'fig4'"):
        parse_config(["experiment=x", "fig4"])
    calls = snakemake_calls(section("docs/faq.md", "`--configfile` swallowed my target"))
    assert len(calls) == 2 and all(set(parse_args(call)[1].targets) == {"fig4"} for call in calls)


def test_one_seed_or_one_figure(finished):
    said = answer(finished, "I want one seed only, or one figure")
    assert "rule plot_fig4:" in said and "rule plot_fig5:" not in said
    assert "seed=0" in said and "seed=1" not in said


def test_a_locked_folder(continued):
    locks = continued.folder / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/tiny/record.json\n")
    assert "Unlocked working directory" in answer(
        continued, "LockException: Directory cannot be locked", slice(1, None)
    )
    assert not list(locks.glob("*"))


def test_the_log_of_a_failed_job(continued):
    log = continued.folder / "results/tiny/logs/plot_fig2/figure.log"
    log.write_text("Traceback (most recent call last):\n" + log.read_text())
    said = answer(continued, "A job failed: where is its log?", slice(0, 1))
    assert said.splitlines() == ["results/tiny/logs/plot_fig2/figure.log"]


def test_datasets_make_room(continued):
    said = answer(continued, "The disk is full")
    assert "results/tiny" in said and "Nothing to be done" in said
    assert not (continued.folder / "results/tiny/data").exists()


def test_one_datasets_results_go(continued):
    question = "How do I delete the results of one dataset?"
    listed = answer(continued, question, slice(0, 1)).splitlines()
    assert {"results/tiny/data/photos-clone", "results/tiny/runs/photos-clone"} <= set(listed)
    said = answer(continued, question, slice(1, 2))
    assert not any((continued.folder / path).exists() for path in listed)
    assert (continued.folder / "results/tiny/data/photos").exists()
    assert "gather_statistic" in said and "train_dense" not in said and "prepare_dataset" not in said


def test_one_dataset_is_computed_once_more(finished):
    said = answer(finished, "How do I delete the results of one dataset?", slice(2, None))
    assert "rule prepare_dataset:" in said and "rule train_dense:" in said


def test_two_machines_differ(continued):
    record = continued.folder / "results/tiny/record.json"
    (continued.folder / "elsewhere/results/tiny").mkdir(parents=True)
    other = continued.folder / "elsewhere/results/tiny/record.json"
    other.write_text(record.read_text().replace('"code": "', '"code": "of another day, '))
    assert "of another day" in answer(continued, "The results of two machines differ")
