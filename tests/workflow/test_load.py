"""Many seeds as one plan."""

from collections import Counter


def test_jobs_grow_by_those_of_a_seed(fresh):
    few, many = (
        Counter(job.rule for job in fresh.would_run("--config", f"seeds={list(range(n))}".replace(" ", "")))
        for n in (1, 21)
    )
    assert {rule: (many[rule] - few[rule]) / 20 for rule in many if many[rule] > few[rule]} == {
        **dict.fromkeys(["train_dense", "prune_imp_first_round", "prune_oneshot", "prune_random"], 2),  # datasets
        "prune_imp_round": 2 * 2,  # rounds 2, 3
        **dict.fromkeys(["measure_locality", "measure_kurtosis", "measure_participation"], 2 * 3),  # methods
        "measure_cavity": 3 + 1,  # on the clone IMP alone
    }
