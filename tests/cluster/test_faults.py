"""Whatever befalls a run on a cluster: it ends, with the same bytes, and nothing that was finished is trained again."""

import shutil
import signal
import subprocess
import time

import pytest

from cluster.conftest import SMALL, OnCluster, project_on, running_cluster

ROUNDS = [f"prune_imp_round results/tiny/runs/photos/seed0/imp/round{n}/mask.safetensors" for n in (2, 3)]
DENSE = "train_dense results/tiny/runs/photos/seed0/dense/rewind.safetensors"
DATA = "results/tiny/data/photos"


def assert_same_as_local(project: OnCluster, finished) -> None:
    """Masks, parameters and training curves of the run are those of the run without a cluster, byte for byte."""
    for pattern, number in (("*.safetensors", 2 + 3), ("*.parquet", 1 + 2)):  # dense, rounds
        found, local = project.results(f"runs/photos/seed0/**/{pattern}"), finished.results(f"**/{pattern}")
        assert len(found) == number and all(local[path] == content for path, content in found.items())
    assert not list(project.folder.glob("results/**/.*.part"))


def assert_trained(project: OnCluster, *, disturbed: str | None) -> None:
    """Every training was done once, but for the one that was disturbed."""
    trained = project.trained()
    assert set(trained) == {DENSE, *ROUNDS}
    again = {name for name, times in trained.items() if times > 1}
    assert again == ({disturbed} if disturbed else set()), trained


def chains(project: OnCluster, before: int):
    return [job for job in project.cluster.jobs() if job.name == "winnow-chain" and int(job.id) > before]


def hang_once(project: OnCluster) -> None:
    """The last round's first training does not end by itself."""
    script = project.folder / "workflow/scripts/prune_imp_round.py"
    hangs = (
        "if 'round3' in snakemake.output[0] and not Path('hung').exists():\n    Path('hung').touch(); time.sleep(600)\n"
    )
    script.write_text(script.read_text().replace("time.sleep(3)\n", hangs))


@pytest.fixture
def before(cluster) -> int:
    """The last job of the tests before."""
    return max((int(job.id) for job in cluster.jobs()), default=0)


@pytest.fixture
def prepared(on_cluster, finished) -> OnCluster:
    """The project with its data: a job less to wait for."""
    shutil.copytree(finished.folder / DATA, on_cluster.folder / DATA)
    return on_cluster


def test_a_job_that_fails_gets_more_memory_and_time_and_goes_on(prepared, before, finished):
    script = prepared.folder / "workflow/scripts/prune_imp_round.py"
    fails_once = (
        "if 'round3' in snakemake.output[0] and not Path('failed').exists():\n    Path('failed').touch(); 1 / 0\n"
    )
    script.write_text(script.read_text().replace("time.sleep(3)\n", fails_once))
    said = prepared.start(*SMALL).wait()
    first, second = chains(prepared, before)
    assert (first.state, second.state) == ("FAILED", "COMPLETED")
    assert int(second.memory.rstrip("MG")) == 2 * int(first.memory.rstrip("MG"))
    assert f"Slurm job {first.id}: FAILED" in said
    assert_trained(prepared, disturbed=ROUNDS[1])
    assert_same_as_local(prepared, finished)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (["scancel", "{}"], "CANCELLED"),
        (["scontrol", "update", "JobId={}", "TimeLimit=1"], "TIMEOUT"),
    ],
    ids=["cancelled", "time-out"],
)
def test_a_job_that_is_ended_is_tried_again(prepared, before, finished, fault, state):
    hang_once(prepared)
    run = prepared.start(*SMALL)
    prepared.until_training(3)
    (job,) = chains(prepared, before)
    prepared.cluster.ask(*(part.format(job.id) for part in fault))
    said = run.wait()
    first, second = chains(prepared, before)
    assert (first.state, second.state) == (state, "COMPLETED")
    assert f"Slurm job {first.id}: {state}" in said
    assert_trained(prepared, disturbed=ROUNDS[1])
    assert_same_as_local(prepared, finished)


def test_a_node_that_dies(prepared, before, finished):
    hang_once(prepared)
    run = prepared.start(*SMALL)
    prepared.until_training(3)
    prepared.cluster.kill_node("gpu1")
    prepared.until(lambda: prepared.cluster.node_states()["gpu1"].startswith("down"), "loss of the node")
    prepared.cluster.start_node("gpu1")
    prepared.until(lambda: prepared.cluster.node_states()["gpu1"] == "idle", "return of the node")
    time.sleep(5)  # while the node clears away what it had of the job
    prepared.until_requeued()
    run.wait()
    (job,) = chains(prepared, before)
    assert job.restarts == 1  # Slurm requeued it
    assert_trained(prepared, disturbed=ROUNDS[1])
    assert_same_as_local(prepared, finished)


def test_preemption(prepared, before, finished):
    hang_once(prepared)
    run = prepared.start(*SMALL)
    prepared.until_training(3)
    urgent = ["sbatch", "--partition=urgent", "--nodelist=gpu1", "--exclusive", "--output=/dev/null", "--wrap=sleep 5"]
    assert prepared.cluster.ask(*urgent)
    prepared.until_requeued()
    run.wait()
    (job,) = chains(prepared, before)
    assert job.restarts == 1
    assert_trained(prepared, disturbed=ROUNDS[1])
    assert_same_as_local(prepared, finished)


def test_the_controller_is_away_while_a_job_ends_and_the_next_is_due(on_cluster, before, finished):
    run = on_cluster.start(*SMALL)
    on_cluster.until_training(3)
    on_cluster.cluster.stop_controller()
    last = on_cluster.folder / "results/tiny/runs/photos/seed0/imp/round3/mask.safetensors"
    on_cluster.until(last.exists, "end of the chain")
    with pytest.raises(subprocess.TimeoutExpired):
        run.process.wait(8)
    on_cluster.cluster.start_controller()
    run.wait()
    assert [job.state for job in chains(on_cluster, before)] == ["COMPLETED"]
    assert_trained(on_cluster, disturbed=None)
    assert_same_as_local(on_cluster, finished)


def test_interrupted(prepared, before, finished):
    hang_once(prepared)
    run = prepared.start(*SMALL)
    prepared.until_training(3)
    run.interrupt(signal.SIGINT)
    prepared.until(lambda: not prepared.active(), "cancelling of the jobs", 60)
    prepared.start(*SMALL).wait()
    assert_trained(prepared, disturbed=ROUNDS[1])
    assert_same_as_local(prepared, finished)


def test_terminated(prepared, before, finished):
    run = prepared.start(*SMALL)
    prepared.until_training(3)
    run.interrupt(signal.SIGTERM)  # submits nothing more, waits for what runs
    assert not prepared.active()
    prepared.start(*SMALL).wait()
    assert_trained(prepared, disturbed=None)
    assert_same_as_local(prepared, finished)


def test_killed_while_its_jobs_go_on(prepared, before, finished):
    run = prepared.start(*SMALL)
    prepared.until_training(2)
    run.interrupt(signal.SIGKILL)
    (left,) = prepared.active()
    locked = prepared.start(*SMALL)
    assert locked.process.wait(60) == 1 and "--unlock" in locked.said.read_text()
    prepared.start("--unlock").wait()
    said = prepared.start(*SMALL).wait()
    assert f"Jobs of an earlier run are still going in this folder: {left}." in said
    assert_trained(prepared, disturbed=None)
    assert_same_as_local(prepared, finished)


def test_slurm_forgets_finished_jobs(tmp_path, finished):
    with running_cluster(min_job_age=2) as forgetful:
        project = project_on(forgetful, tmp_path / "project")
        project.start("--seconds-between-status-checks", "8", *SMALL).wait()
    assert_trained(project, disturbed=None)
    assert_same_as_local(project, finished)
