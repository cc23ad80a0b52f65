"""What has become of a run's jobs, by events and by logs; and how long the rest will take."""

import pytest

from progress.made import Made, trains, write
from winnow.job.said import end_said
from winnow.progress.forecast import seconds_left
from winnow.progress.run import Job, Run, State


def states(made: Made) -> list[State]:
    return [job.state if job else None for job in made.run.chains[0].cells]


def test_chains_are_rounds_of_a_method_on_the_dense_training(tmp_path):
    made = Made(tmp_path)
    assert [(c.dataset, c.seed, c.method, c.n_kept) for c in made.run.chains] == [
        ("edges", "0", "imp", 0),
        ("edges", "1", "imp", 0),
    ]
    rules = [job.rule for job in made.run.chains[1].cells]
    assert rules == ["train_dense", "prune_imp_first_round", "prune_imp_round", "prune_imp_round"]
    assert {kind: len(jobs) for kind, jobs in made.run.others.items()} == {
        "data": 1,
        "measures": 2,
        "tables and figures": 2,
    }


def test_a_chain_that_goes_on_has_kept_its_first_rounds(tmp_path):
    jobs = [
        Job(n, "prune_imp_round", {"dataset": "edges", "seed": "0", "method": "imp", "round": str(n)}) for n in (3, 4)
    ]
    (chain,) = Run("demo", jobs, 4).chains
    assert [job and job.number for job in chain.cells] == [None, None, None, 3, 4] and chain.n_kept == 3


def test_a_dense_training_alone_and_trainings_of_baselines_are_chains_too():
    dense = Job(1, "train_dense", {"dataset": "edges", "seed": "10"})
    again = Job(2, "retrain_pruned", {"dataset": "edges", "seed": "9", "method": "random", "round": "2"})
    one, other = Run("demo", [dense, again], 3).chains
    assert (one.seed, one.method, one.cells) == ("9", "random, trained again", (None, None, again, None))
    assert (other.seed, other.method, other.cells) == ("10", "dense", (dense,))


def test_a_local_job_runs_when_snakemake_says_so_and_its_log_says_how_far_it_is(tmp_path):
    made = Made(tmp_path)
    job = made.begin("train_dense", seed=0)
    assert job.state is State.RUNNING and job.share == 0
    trains(job, 30)
    made.run.read_logs()
    assert (job.share, job.said.loss, job.said.accuracy) == (0.3, 0.5, 0.75)
    assert made.run.chains[0].current is job
    write(job, end_said(7.0, failed=False))
    made.run.read_logs()
    assert job.state is State.RUNNING  # its results are not yet looked at
    made.run.finish(job.number)
    assert job.state is State.DONE and job.seconds == 7.0
    assert [state for _, state in made.run.news] == [State.RUNNING, State.DONE]


def test_the_log_of_an_earlier_job_says_nothing(tmp_path):
    made = Made(tmp_path, remote=True)
    job = made.job("train_dense", seed=0)
    write(job, "step 90 of 100: 5.0 steps/s", end_said(7.0, failed=True))
    made.run.begin(job.number)
    made.run.read_logs()
    assert job.state is State.SUBMITTED and job.said.step is None
    job.log.write_text("")  # the new job begins it anew
    made.run.read_logs()
    assert job.state is State.RUNNING and job.said.ended == ""
    trains(job, 10)
    made.run.read_logs()
    assert job.said.step == 10


def test_a_line_that_is_not_yet_whole_waits_and_a_log_that_shrinks_is_read_anew(tmp_path):
    made = Made(tmp_path)
    job = made.begin("train_dense", seed=0)
    write(job, "step 10 of 100: 5.0 steps/s", "step 2", end="")
    made.run.read_logs()
    assert job.said.step == 10
    with job.log.open("a") as log:
        log.write("0 of 100: 5.0 steps/s\n")
    made.run.read_logs()
    assert job.said.step == 20
    job.log.write_text("short\n")
    made.run.read_logs()
    assert job.said.step is None


def test_a_log_may_be_long_or_no_text_or_go_away(tmp_path):
    made = Made(tmp_path)
    job = made.begin("train_dense", seed=0)
    job.log.write_bytes(b"\xff" * (3 << 20))
    for _ in range(3):
        made.run.read_logs()
    write(job, "", "step 20 of 100: 5.0 steps/s")  # the first of these goes on the line that is no text
    made.run.read_logs()
    assert job.said.step == 20
    job.log.unlink()
    made.run.read_logs()
    assert job.said.step == 20 and job.state is State.RUNNING


def test_on_a_cluster_logs_say_it_before_snakemake_does(tmp_path):
    made = Made(tmp_path, remote=True)
    dense, first = made.begin("train_dense", seed=0), made.begin("prune_imp_first_round", seed=0)
    made.run.read_logs()
    assert (dense.state, first.state) == (State.SUBMITTED, State.SUBMITTED)
    trains(dense, 50)
    made.run.read_logs()
    assert (dense.state, first.state) == (State.RUNNING, State.SUBMITTED)
    write(dense, end_said(30.0, failed=False))
    made.run.read_logs()
    assert dense.state is State.DONE and dense.seconds == 30.0
    del made.run.news[:]
    made.run.finish(dense.number)
    made.run.fail(dense.number)  # of a group, Snakemake says it of all its jobs
    assert dense.state is State.DONE and made.run.news == []
    made.run.fail(first.number)
    assert first.state is State.FAILED and made.run.chains[0].state is State.FAILED
    made.run.begin(first.number)
    assert first.state is State.SUBMITTED and first.seconds is None


def test_warnings_of_jobs_elsewhere_are_passed_on_once(tmp_path):
    for remote in (True, False):
        made = Made(tmp_path / str(remote), remote=remote)
        (tmp_path / str(remote)).mkdir()
        job = made.begin("train_dense", seed=0)
        write(job, "one", "two", level="WARNING")
        made.run.read_logs()
        told = [message for _, message in made.run.warnings()]
        assert told == (["one", "two"] if remote else []) and made.run.warnings() == []


def test_numbers_that_nobody_knows_are_passed_over(tmp_path):
    run = Made(tmp_path).run
    run.begin(12345)
    run.finish(12345)
    run.fail(-1)
    assert run.news == []


def test_nothing_known_is_no_forecast(tmp_path):
    assert seconds_left(Made(tmp_path).run) is None


def test_what_is_left_is_shared_but_a_chain_is_not(tmp_path):
    seconds = {"prepare_dataset": 5.0, "train_dense": 100.0, "prune_imp_first_round": 1.0, "prune_imp_round": 40.0}
    made = Made(tmp_path, seconds=seconds | {"measure_locality": 10.0, "plot_fig4": 3.0})
    chain, rest = 100 + 1 + 2 * 40, 5 + 2 * 10 + 3
    assert seconds_left(made.run) == 2 * chain + rest  # one job at a time so far
    made.do("prepare_dataset", seconds=6.0)
    one, other = made.begin("train_dense", seed=0), made.begin("train_dense", seed=1)
    assert made.run.peak == 2
    assert seconds_left(made.run) == pytest.approx((2 * chain + rest - 5) / 2)
    made.now += 20.0
    trains(one, 10, rate=0.5)  # slower than it used to be: 180 s more
    made.run.read_logs()
    assert seconds_left(made.run) == pytest.approx(180 + 1 + 80)
    for job in (one, other):
        made.run.finish(job.number)
    assert seconds_left(made.run) == pytest.approx((2 * 81 + rest - 5) / 2)


def test_what_was_never_seen_takes_what_others_took(tmp_path):
    made = Made(tmp_path, seeds=(0,))
    made.do("prepare_dataset", seconds=12.0)
    assert seconds_left(made.run) == 12.0 * 6  # but for `all`, which does nothing
    job = made.begin("train_dense", seed=0)
    trains(job, 75, rate=1.0)
    made.run.read_logs()
    assert seconds_left(made.run) == 25.0 + 12.0 * 5
    made.run.over = True
    assert seconds_left(made.run) is None
