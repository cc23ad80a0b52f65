"""Films of masks: asked for by name alone, of each method, and only where they can be made."""

import os
import shutil
from pathlib import Path

from PIL import Image

FFMPEG = shutil.which("ffmpeg")


def test_films_are_made_of_each_methods_masks_and_of_nothing_else(finished):
    assert not (finished.folder / "results/tiny/films").exists()  # `all` has none
    jobs = finished.would_run("films")
    made = [job for job in jobs if job.rule == "make_film"]
    assert {job.rule for job in jobs} == {"make_film", "films"}
    keys = [tuple(job.wildcards[key] for key in ("dataset", "method", "seed", "format")) for job in made]
    formats = ["gif", *(["mp4"] if FFMPEG else [])]
    assert sorted(keys) == sorted(
        ("photos", method, "0", kind) for method in ("imp", "oneshot", "random") for kind in formats
    )
    for job in made:
        run = f"results/tiny/runs/photos/seed0/{job.wildcards['method']}"
        assert {f"{run}/round{n}/mask.safetensors" for n in (1, 2, 3)} == set(job.inputs) - {"results/tiny/data/photos"}


def test_a_film_of_any_run_is_made_by_its_name(continued):
    film = "results/tiny/films/photos-clone_imp_seed1.gif"
    continued.snakemake("--cores", "1", film)
    with Image.open(continued.folder / film) as picture:
        assert picture.n_frames == 4 and picture.info["loop"] == 0
        assert picture.info["comment"].decode().endswith(f"configs/tiny.yaml -- {film}")


def test_without_ffmpeg_an_mp4_is_refused_before_anything_runs(fresh, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    for name in ("bash", "sh", "git"):
        if found := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(found)
    monkeypatch.setenv("PATH", os.fspath(tmp_path / "bin"))
    said = fresh.snakemake("--cores", "1", "results/tiny/films/photos_imp_seed0.mp4", check=False)
    assert "MP4 films need ffmpeg, which is not on PATH: install it, or ask for the .gif instead" in said
    assert not Path(fresh.folder, "results").exists()


def test_a_name_that_means_two_runs_is_refused(fresh):
    other = [
        "datasets={photos_b: {source: photos}}",
        "methods={imp: {}, oneshot: {}, random: {}, b_imp: {procedure: iterate}}",
    ]
    said = fresh.snakemake("-n", "results/tiny/films/photos_b_imp_seed0.gif", "--config", *other, check=False)
    assert "films/photos_b_imp_… may be of b_imp on photos or of imp on photos_b: rename" in " ".join(said.split())
