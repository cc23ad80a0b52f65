"""`snakemake --profile slurm`, as a user types it, on the whole tiny experiment."""

import re
import subprocess
import sys
from collections import Counter

import pytest
import yaml

from cluster.conftest import SMALL, OnCluster, running_cluster
from project import ROOT, copy_project


@pytest.fixture
def before(cluster) -> int:
    """The last job of the tests before."""
    return max((int(job.id) for job in cluster.jobs()), default=0)


def test_the_whole_experiment_is_that_of_a_local_run(cluster, before, tmp_path, finished):
    project = copy_project(tmp_path / "project")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--configfile", "configs/tiny.yaml"]
    said = subprocess.run(
        command, cwd=project.folder, env=cluster.environment, text=True, capture_output=True, timeout=500, check=False
    )
    assert said.returncode == 0, said.stderr[-6000:]
    # Snakemake hears of a group at its end; that a job within it has started, only its log says.
    started = set(
        re.findall(r"^\S+ \S+ started prune_imp_round: (\S+), imp, (seed \d, round 2)$", said.stderr, re.MULTILINE)
    )
    assert len(started) == 4, said.stderr
    submitted = re.findall(r"^\S+ \S+ submitted (\d+) jobs: .*train_dense", said.stderr, re.MULTILINE)
    assert sum(map(int, submitted)) == 24, said.stderr  # four chains of six, told together or one by one
    assert len(re.findall(r"^\S+ \S+ done prune_imp_round: .* steps/s\)", said.stderr, re.MULTILINE)) == 8
    for pattern in ("**/*.parquet", "**/*.safetensors", "figures/*", "claims.csv"):
        assert project.results(pattern) == finished.results(pattern)

    jobs = [job for job in cluster.jobs() if int(job.id) > before]
    assert Counter(job.name for job in jobs) == {
        "winnow-data": 1,
        "winnow-chain": 4,  # datasets x seeds
        "winnow-measures": 2,  # 33 statistics of runs, 24 a job
        "winnow-figures": 1,
    }
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert all((job.gpus == 1) == (job.name == "winnow-chain") for job in jobs)
    assert max(job.cpus for job in jobs) <= 8

    logs = sorted(path.name for path in (project.folder / "logs/slurm").iterdir())
    assert logs == sorted(f"{job.name}-{job.id}.log" for job in jobs)
    local = [*command[:3], *command[5:], "--cores=1"]
    for again in ([*command, "-n"], local):
        done = subprocess.run(
            again,
            cwd=project.folder,
            env=cluster.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert "Nothing to be done" in done.stdout, done.stdout[-3000:]


def test_a_sites_own_file_goes_into_the_requests(on_cluster, before):
    text = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n# my-site/config.yaml\n(.*?)```", text, re.DOTALL)
    site = yaml.safe_load(example)
    site["default-resources"] |= {"slurm_partition": "cpu", "slurm_gpu_partition": "gpu", "gres": "gpu:1"}
    (on_cluster.folder / "my-site").mkdir()
    (on_cluster.folder / "my-site/config.yaml").write_text(yaml.safe_dump(site))
    statistic = "results/tiny/runs/photos/seed0/imp/locality.parquet"
    on_cluster.start("--profile", "my-site", statistic, *SMALL[1:]).wait()
    partitions = on_cluster.cluster.ask("squeue", "--states=all", "--noheader", "--format=%i %j %P %a")
    rows = [row for row in map(str.split, partitions.splitlines()) if int(row[0]) > before]
    assert {(row[1], row[2]) for row in rows} == {
        ("winnow-data", "cpu"),
        ("winnow-chain", "gpu"),
        ("winnow-measures", "cpu"),
    }
    (chain,) = [job for job in on_cluster.cluster.jobs() if job.name == "winnow-chain" and int(job.id) > before]
    assert chain.gpus == 1


def test_a_request_that_no_node_can_meet_is_said(on_cluster, before):
    run = on_cluster.start(*SMALL, "--retries", "0", "--default-resources", "slurm_partition=nowhere")
    run.process.wait(120)
    said = run.said.read_text()
    assert run.process.returncode != 0
    assert "sbatch refused the job" in said and "invalid partition" in said and "docs/cluster.md" in said
    assert "Traceback" not in said


def test_a_chain_of_several_seeds_in_one_allocation(on_cluster: OnCluster, before):
    masks = [f"results/tiny/runs/photos/seed{n}/random/round3/mask.safetensors" for n in (0, 1)]
    on_cluster.start(
        *masks, "--group-components", "chain=2", "--resources", "gpu=2", "mem_mb=64000",
        "--config", "compute={jobs_per_gpu: 2}", "datasets={photos: {clone: null}}",
    ).wait()  # fmt: skip
    (chain,) = [job for job in on_cluster.cluster.jobs() if job.name == "winnow-chain" and int(job.id) > before]
    assert (chain.gpus, chain.cpus) == (1, 2)
    assert all((on_cluster.folder / mask).exists() for mask in masks)


@pytest.mark.slow
@pytest.mark.cluster
def test_small_nodes_in_another_folder_and_a_default_partition_without_gpus(tmp_path):
    project = copy_project(tmp_path / "project").folder
    (tmp_path / "elsewhere").mkdir()
    statistics = [
        f"results/tiny/runs/photos/seed0/{method}/locality.parquet" for method in ("imp", "oneshot", "random")
    ]
    command = [sys.executable, "-m", "snakemake", "--profile", "./slurm", "-d", str(tmp_path / "elsewhere")]
    command += ["--seconds-between-status-checks", "2", *statistics, "--configfile", "configs/tiny.yaml"]
    partition = ["--default-resources", "slurm_gpu_partition=gpu"]
    with running_cluster(cpus=2, default="cpu") as small:
        ended = [
            subprocess.run(
                [*command, *more], cwd=project, env=small.environment, text=True, capture_output=True, timeout=300
            )
            for more in (["--config", "seeds=[0]"], [*partition, "--config", "seeds=[0]"])
        ]
        measures = [job for job in small.jobs() if job.name == "winnow-measures"]
    refused, done = (one.stdout + one.stderr for one in ended)
    assert ended[0].returncode != 0 and refused.count("slurm_gpu_partition: gpu") == 1, refused[-6000:]
    assert "cpu (default): nodes of 2 processors, 200000 MB, no GPU" in refused
    assert ended[1].returncode == 0, done[-6000:]
    assert [job.cpus for job in measures] == [2]
    assert all((tmp_path / "elsewhere" / statistic).exists() for statistic in statistics)
