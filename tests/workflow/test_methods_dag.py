"""The methods in the plan: what runs for one that is added, and nothing else."""

from collections import Counter

from winnow.pruning.oneshot_network import prune_oneshot_network
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_mask, read_parameters

PLAIN = {"gather_statistic", "compare_methods", "check_claims", "plot_fig7", "make_explorer", "record_run", "all"}
PLAIN |= {"typeset_tables"}
"""What is made of all methods together."""


def of_method(jobs):
    return [job for job in jobs if "method" in job.wildcards]


def rules(jobs):
    return Counter(job.rule for job in jobs)


def test_a_method_that_is_added_runs_and_what_is_made_of_it_and_nothing_else(finished):
    jobs = finished.would_run("--config", "methods=[imp, oneshot, random, snip, imp_shuffled_unit]")
    assert {job.wildcards["method"] for job in of_method(jobs)} == {"snip", "imp_shuffled_unit"}
    runs = 2 * 2  # datasets x seeds
    assert rules(of_method(jobs)) == {
        "prune_at_start": runs,
        "prune_from_masks": runs,
        **dict.fromkeys(["measure_locality", "measure_kurtosis", "measure_participation"], 2 * runs),
        "measure_cavity": 2 * 2,  # on the clone IMP alone
    }
    assert {job.rule for job in jobs if job not in of_method(jobs)} == PLAIN


def test_methods_that_are_listed_in_another_order_or_with_empty_settings_rerun_no_method(finished):
    for given in ("[random, oneshot, imp]", "{imp: {}, oneshot: {}, random: {}}"):
        jobs = finished.would_run("--config", f"methods={given}")
        assert of_method(jobs) == [] and {job.rule for job in jobs} <= PLAIN


def test_only_what_was_asked_for_runs(fresh):
    jobs = fresh.would_run("--config", "methods=[synflow]", "seeds=[0]", "datasets={photos: {clone: null}}")
    found = rules(jobs)
    assert {"prune_imp_round", "prune_oneshot", "prune_random", "measure_cavity"}.isdisjoint(found)
    assert found["prune_at_start"] == found["train_dense"] == 1
    assert {rule for rule in found if rule.startswith("plot_")} == {"plot_fig2", "plot_fig7"}
    assert "check_claims" in found  # undetermined, and says so


def test_a_method_of_another_runs_the_other_but_does_not_measure_it(fresh):
    jobs = fresh.would_run("--config", "methods=[imp_reinitialised]", "seeds=[0]", "datasets={photos: {clone: null}}")
    measured = {
        job.wildcards["method"] for job in jobs if job.rule.startswith("measure_") and "method" in job.wildcards
    }
    assert measured == {"imp_reinitialised"} and rules(jobs)["prune_imp_round"] == 2
    (kurtosis,) = [job for job in jobs if job.rule == "measure_kurtosis"]
    assert "results/tiny/runs/photos/seed0/imp_reinitialised/start.safetensors" in kurtosis.inputs


def test_a_changed_setting_of_a_method_runs_that_method_again(finished):
    jobs = finished.would_run("--config", "methods={imp: {}, oneshot: {pool: global}, random: {}}")
    assert {job.wildcards["method"] for job in of_method(jobs)} == {"oneshot"}


def test_chains_are_only_where_a_round_needs_the_one_before(fresh):
    given = "methods={imp: {}, rigl: {}, obd_rounds: {procedure: iterate, criterion: obd}}"
    jobs = fresh.would_run("--config", given, "seeds=[0]", "datasets={photos: {clone: null}}")
    moving = [job for job in jobs if job.rule == "prune_while_training"]
    assert len(moving) == 3 and not any("mask.safetensors" in path for job in moving for path in job.inputs)
    chained = [job for job in jobs if job.rule == "prune_imp_round" and job.wildcards["method"] == "obd_rounds"]
    assert {
        (job.wildcards["round"], n) for job in chained for n in "12" if f"round{n}/mask" in " ".join(job.inputs)
    } == {
        ("2", "1"),
        ("3", "2"),
    }
    assert rules(jobs)["prune_first_round_network"] == rules(jobs)["prune_imp_first_round"] == 1


def test_methods_are_retrained_where_it_is_asked_for(fresh):
    given = ["methods=[imp, snip, rigl]", "pruning={retrain_baselines: true}"]
    jobs = fresh.would_run("--config", *given, "seeds=[0]", "datasets={photos: {clone: null}}")
    retrained = Counter(job.wildcards["method"] for job in jobs if job.rule == "retrain_pruned")
    assert retrained == {"imp": 1, "snip": 3, "rigl": 3}


def test_unknown_methods_stop_before_anything_runs(fresh):
    said = fresh.snakemake("--cores", "1", "--config", "methods=[imp, sinp]", check=False)
    assert "methods.sinp: there is no method 'sinp'; did you mean 'snip'?" in said and "Traceback" not in said
    assert not (fresh.folder / "results").exists()


def test_methods_of_all_procedures_in_one_run(fresh):
    """Every procedure and maker once, on one seed; unnested masks leave no rows of fates, and say why."""
    import pandas as pd

    given = (
        "methods={imp: {}, obd: {}, cavity_trained: {}, snip: {}, synflow: {iterations: 3}, "
        "rigl: {settings: {every: 10}}, imp_shuffled_unit: {}, imp_reinitialised: {}, "
        "kurtosis_random: {settings: {draws: 3}}}"
    )
    target = ["--cores", "4", "methods", "claims", "fig7"]
    fresh.snakemake(*target, "--config", given, "seeds=[0]", "datasets={photos: {clone: null}}")
    folder = fresh.folder / "results/tiny"
    table = pd.read_parquet(folder / "methods.parquet")
    last = table[(table["round"] == 3) & table["seed"].isna() & table["compared_with"].isna()]
    assert last[last["statistic"] == "width"]["value"].notna().all()
    signs = last[last["statistic"] == "cavity_signs"].set_index("method")
    unnested = {"synflow", "rigl", "kurtosis_random"}
    assert set(signs.index[signs["reason"].fillna("").str.contains("not nested")]) == unnested
    assert set(pd.read_parquet(folder / "cavity.parquet")["method"]) == set(signs.index) - unnested
    claims = pd.read_parquet(folder / "claims.parquet")
    reasons = claims[claims["seed"].isna() & claims["rule"].notna()].set_index("claim")["reason"]
    assert "there is no run of oneshot" in reasons["1"]
    # Scored anew after each cut, as the method says: what the library gives for it.
    run = folder / "runs/photos/seed0"
    method = {"share": 0.3, "pool": "layerwise", "criterion": "cavity_trained", "of_criterion": {"sign": "absolute"}}
    at = {state: read_parameters(run / f"dense/{state}.safetensors") for state in ("rewind", "trained")}
    masks = prune_oneshot_network(
        [1, 2, 3], open_dataset(folder / "data/photos"), seed=0, by_round=True, **method, **at
    )
    written = read_mask(run / "cavity_trained/round3/mask.safetensors")
    assert all((written[name] == array).all() for name, array in masks[-1].items())
    again = fresh.snakemake("--dry-run", *target, "--config", given, "seeds=[0]", "datasets={photos: {clone: null}}")
    assert "Nothing to be done" in again
