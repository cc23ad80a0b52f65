"""The tiny experiment on a real Slurm; skipped where none is installed."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.slurm import Cluster, missing_programs
from project import copy_project

# The chain of one run, and its data: two jobs of Slurm, one after the other.
SMALL = [
    "results/tiny/runs/photos/seed0/imp/round3/mask.safetensors",
    "--config",
    "seeds=[0]",
    "datasets={photos: {clone: null}}",
]
# Each training says so in a file, and lasts long enough to be disturbed.
PROLOGUE = """
import time
from pathlib import Path
with Path("trained.txt").open("a") as file:
    file.write(f"{snakemake.rule} {snakemake.output[0]}\\n")
time.sleep(3)
"""


@dataclass
class Run:
    """A call of Snakemake that goes on in the background."""

    process: subprocess.Popen
    said: Path

    def wait(self, seconds: float = 240) -> str:
        """What it said, when it has ended well."""
        code = self.process.wait(seconds)
        text = self.said.read_text()
        assert code == 0, text[-8000:]
        return text

    def interrupt(self, how: signal.Signals, seconds: float = 60) -> None:
        """Send a signal and wait until it has gone."""
        self.process.send_signal(how)
        self.process.wait(seconds)


@dataclass
class OnCluster:
    """A copy of the project in the shared folder of a cluster, whose trainings are counted."""

    folder: Path
    cluster: Cluster

    def start(self, *arguments: str) -> Run:
        """`snakemake --profile slurm`."""
        said = self.folder / "said.txt"
        command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--configfile", "configs/tiny.yaml"]
        faster = ["--seconds-between-status-checks", "2", "--latency-wait", "20"]
        with said.open("w") as file:
            process = subprocess.Popen(
                [*command, *faster, *arguments],
                cwd=self.folder,
                env=self.cluster.environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        return Run(process, said)

    def trained(self) -> Counter[str]:
        """How often each file was trained for."""
        record = self.folder / "trained.txt"
        return Counter(record.read_text().splitlines()) if record.exists() else Counter()

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Wait for something to happen."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not happen; jobs: {self.cluster.jobs()}"
            time.sleep(0.1)

    def until_training(self, round: int) -> None:
        """Wait until the training of a round of IMP has begun."""
        mask = f"prune_imp_round results/tiny/runs/photos/seed0/imp/round{round}/mask.safetensors"
        self.until(lambda: mask in self.trained(), f"training of round {round}")

    def until_requeued(self) -> None:
        """Wait until a job runs for the second time."""

        def runs_again() -> bool:
            self.cluster.begin_requeued()
            return any(job.restarts and job.state == "RUNNING" for job in self.cluster.jobs(active=True))

        self.until(runs_again, "second run of a job")

    def active(self) -> list[str]:
        """Ids of the jobs that wait or run."""
        return [job.id for job in self.cluster.jobs(active=True)]

    def results(self, pattern: str = "**/*.parquet") -> dict[str, bytes]:
        """Contents of the result files by path."""
        folder = self.folder / "results/tiny"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob(pattern)}


@contextlib.contextmanager
def running_cluster(**options: int | str) -> Iterator[Cluster]:
    if missing := missing_programs():
        pytest.skip(f"Slurm is not installed here ({', '.join(missing)} not found): apt-get install slurm-wlm munge")
    folder = Path(tempfile.mkdtemp(prefix="slurm"))  # short: sockets lie in it
    cluster = Cluster(folder, **options)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def project_on(cluster: Cluster, folder: Path) -> OnCluster:
    copy_project(folder)
    for script in ("train_dense", "prune_imp_round"):
        path = folder / f"workflow/scripts/{script}.py"
        path.write_text(PROLOGUE + path.read_text())
    return OnCluster(folder, cluster)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster with CPU nodes and a node with GPUs."""
    with running_cluster() as up:
        yield up


@pytest.fixture
def on_cluster(cluster, tmp_path) -> Iterator[OnCluster]:
    """A project on the cluster; nothing of it goes on after the test."""
    yield project_on(cluster, tmp_path / "project")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").resolve() == tmp_path / "project" and int(process.name) != os.getpid():
                os.kill(int(process.name), signal.SIGKILL)
    cluster.ask("scancel", "--me")
    deadline = time.monotonic() + 30
    while cluster.jobs(active=True) and time.monotonic() < deadline:
        time.sleep(0.2)
