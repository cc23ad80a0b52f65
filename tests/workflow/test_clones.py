"""More clones than one of a dataset, and controls of other kinds."""

import pandas as pd

from winnow.store.datasets import open_dataset

MORE = (
    "datasets={clipped: {source: clone, of: photos, as: clipped}, "
    "phases: {source: clone, of: photos, as: phases, clone: {}}}"
)


def test_a_dataset_can_have_more_clones_than_one(fresh):
    results = "results/tiny"
    fresh.snakemake("--cores", "2", f"{results}/certificate.parquet", "--config", MORE)
    certificate = pd.read_parquet(fresh.folder / results / "certificate.parquet")
    # That of photos-clone has its dataset's name.
    assert set(certificate["dataset"]) == {"photos", "clipped", "phases", "phases-clone"}
    folder = fresh.folder / results / "data"
    photos, *made = (open_dataset(folder / name) for name in ("photos", "clipped", "phases", "photos-clone"))
    assert [each.source.get("as") for each in made] == ["clipped", "phases", None]
    assert all(each.source["clone_of"] == photos.source for each in made)
    of_phases = open_dataset(folder / "phases-clone")
    assert of_phases.source["clone_of"] == made[1].source and of_phases.source["name"] == "phases-clone"
    again = fresh.snakemake("--dry-run", f"{results}/certificate.parquet", "--config", MORE)
    assert "Nothing to be done" in again


def test_they_are_trained_and_pruned_like_any_dataset(finished):
    jobs = finished.would_run("--config", MORE)
    made = {job.wildcards["dataset"] for job in jobs if job.rule == "clone_once_more"}
    trained = {job.wildcards["dataset"] for job in jobs if job.rule == "train_dense"}
    cloned = {job.wildcards["dataset"] for job in jobs if job.rule == "clone_gaussian"}
    assert made == {"clipped", "phases"} and cloned == {"phases"} and trained == made | {"phases-clone"}


def test_another_kind_makes_the_clone_again_and_the_default_does_not(finished):
    rules = {job.rule for job in finished.would_run("--config", "datasets={photos: {clone: {as: exact}}}")}
    assert rules <= {"record_run", "all"}
    rules = {job.rule for job in finished.would_run("--config", "datasets={photos: {clone: {as: clipped}}}")}
    assert {"clone_gaussian", "train_dense"} <= rules and "prepare_dataset" not in rules
