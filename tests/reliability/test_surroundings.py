"""Figure 1 of the tiny experiment on full and protected disks, in odd folders, and twice at once.

Disks are mounted in a namespace of their own, for which some kernels want a privilege; where it lacks, these tests are
skipped.
"""

import os
import shutil
import subprocess
import sys

import pytest

from project import Project, copy_project

from .harness import TINY, Run, locked, results, same_results, wait_until

FIG1 = ["--cores", "2", "fig1"]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--configfile", "configs/tiny.yaml"]
N_FILES = 22
"""Files that figure 1 needs, but for logs and times."""
N_DATA = 7
"""Those of them that are the dataset's."""


def allowed(*command: str) -> bool:
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True).returncode == 0


MOUNTS = ["unshare", "--map-root-user", "--mount"]
OTHER_USER = ["unshare", "--user"]
"""The same user without root's right to write everywhere."""

mounts = pytest.mark.skipif(
    not allowed(*MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"), reason="may not mount a disk in a namespace"
)
NAMELESS = ["unshare", "--user", "--map-user=12345"]
"""A user as containers have them: a number that no list of users knows, and no rights."""

other_user = pytest.mark.skipif(not allowed(*OTHER_USER, "true"), reason="may not make a namespace of users")
nameless = pytest.mark.skipif(not allowed(*NAMELESS, "true"), reason="may not be another user in a namespace")


def run(project: Project, *prefix: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*prefix, *SNAKEMAKE, *FIG1],
        cwd=project.folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )


def test_odd_names_a_long_path_results_elsewhere_and_no_folder_for_temporary_files(finished, tmp_path):
    long = "/".join(["ein [langer] Pfad, 50 % zu lang für 'Fenster' — 日本" * 3] * 10)
    project = copy_project(tmp_path / long)
    (tmp_path / "elsewhere").mkdir()
    (project.folder / "results").symlink_to(tmp_path / "elsewhere")
    done = run(project, TMPDIR=str(tmp_path / "missing"))
    assert done.returncode == 0, done.stdout
    assert len(os.fsencode(project.folder)) > 1500
    assert (
        same_results(project.folder / TINY, finished.folder / TINY) == N_FILES
        and (tmp_path / "elsewhere/tiny").is_dir()
    )


# Starts in a project on a disk with so many KB of room: each time a little more; keeps the results of each.
ON_A_DISK = """
disk=$1 project=$2 kept=$3; shift 3
mount -t tmpfs -o size=20m none "$disk" && cp -r "$project" "$disk/project" && cd "$disk/project" || exit
used=$(df --output=used -k . | tail -1)
for room in {rooms}; do
    mount -o remount,size=$((used + room))k "$disk"
    "$@" > "$kept/$room.txt" 2>&1 && ended=well || ended=ill
    if [ -d results ]; then cp -r results "$kept/$room"; fi
    echo $room $ended
done
"""
# Of Snakemake about its own files, of the store, and of it before a dataset is made.
FULL = ("[Errno 28] No space left on device", "its disk is full", "B left: make room")


@mounts
def test_a_disk_that_is_full_again_and_again(finished, fresh, tmp_path):
    rooms = [4, 40, 150, 220, 20000]
    (tmp_path / "disk").mkdir()
    (tmp_path / "kept").mkdir()
    script = ON_A_DISK.format(rooms=" ".join(map(str, rooms)))
    where = [str(path) for path in (tmp_path / "disk", fresh.folder, tmp_path / "kept")]
    done = subprocess.run(
        [*MOUNTS, "bash", "-c", script, "bash", *where, *SNAKEMAKE, *FIG1],
        # Compiled code is not what the disk shall be full of.
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.stdout.splitlines() == [*(f"{room} ill" for room in rooms[:-1]), f"{rooms[-1]} well"], done
    for room in rooms:
        said = (tmp_path / f"kept/{room}.txt").read_text()
        assert room == rooms[-1] or any(message in said for message in FULL), said
        assert "Error in sys.excepthook" not in said
        n_files = same_results(tmp_path / f"kept/{room}/tiny", finished.folder / TINY)
    assert n_files == N_FILES


@mounts
def test_a_read_only_disk_for_the_results(fresh):
    (fresh.folder / "results").mkdir()
    done = run(fresh, *MOUNTS, "bash", "-c", 'mount -t tmpfs -o ro none results && exec "$@"', "bash")
    assert done.returncode != 0 and "Traceback" not in done.stdout
    said = "Failed to create output directory results/tiny/data.\nOSError: [Errno 30] Read-only file system: "
    assert f"{said}'results/tiny'" in done.stdout, done.stdout


@other_user
def test_folders_without_permission(fresh):
    protected = fresh.folder / "results/tiny/runs"
    protected.mkdir(parents=True)
    said = {}
    for folder in (fresh.folder, fresh.folder / "results/tiny", protected):
        folder.chmod(0o555)
        done = run(fresh, *OTHER_USER)
        folder.chmod(0o755)
        assert done.returncode != 0
        said[folder.name] = done.stdout
    assert f"PermissionError: [Errno 13] Permission denied: '{fresh.folder}/.snakemake'" in said["project"]
    assert "Failed to create output directory results/tiny/data.\nPermissionError: [Errno 13]" in said["tiny"]
    assert "Failed to create output directory results/tiny/runs/photos/seed0/dense.\nPermissionError" in said["runs"]


@nameless
def test_a_user_without_name_or_home_and_a_project_that_cannot_be_written(fresh, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folders = [fresh.folder, *(path for path in fresh.folder.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    snakemake = [*NAMELESS, sys.executable, "-m", "snakemake", "--snakefile", fresh.folder / "Snakefile"]
    said = [
        subprocess.run(
            [*snakemake, *arguments, "--configfile", fresh.folder / "configs/tiny.yaml"],
            cwd=tmp_path / "elsewhere",
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=600,
        )
        for arguments in (["-n"], ["--cores", "2", "results/tiny/runs/photos/seed0/dense/trained.safetensors"])
    ]
    for folder in folders:
        folder.chmod(0o755)
    assert [done.returncode for done in said] == [0, 0], said
    assert (tmp_path / "elsewhere/results/tiny/runs/photos/seed0/dense/trained.safetensors").exists()
    assert list((tmp_path / "elsewhere/.snakemake/numba").rglob("*.nbi"))


@other_user
def test_a_file_without_permission_is_named_and_then_the_run_goes_on(finished, continued):
    folder = continued.folder / "results/tiny/figures"
    for figure in folder.glob("fig1.*"):
        figure.unlink()
    folder.chmod(0o555)
    done = run(continued, *OTHER_USER)
    folder.chmod(0o755)
    said = "figures/fig1.pdf: cannot be written: Permission denied in the folder results/tiny/figures; make it writable"
    assert done.returncode != 0 and said in done.stdout, done.stdout
    assert "Traceback" not in done.stdout
    assert run(continued).returncode == 0
    assert results(continued.folder / TINY) == results(finished.folder / TINY)


def test_a_second_start_is_refused_and_does_not_disturb_the_first(finished, fresh):
    first = Run(fresh, "--cores", "2", "fig2")
    wait_until(lambda: locked(fresh) or first.ended(), "the lock")
    second = run(fresh)
    assert second.returncode != 0 and "Directory cannot be locked" in second.stdout, second.stdout
    assert "Traceback" not in second.stdout
    assert first.wait() and first.snakemake.returncode == 0
    assert (
        same_results(fresh.folder / TINY, finished.folder / TINY)
        == len(("pdf", "png", "csv", "rst", "components")) + N_DATA
    )
