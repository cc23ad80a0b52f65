"""The profile's scripts without a cluster: what sbatch is asked for, what is made of Slurm's answers."""

import json

import pytest
import yaml

from environments.workflow_rules import script_rules
from project import ROOT
from slurm import status, submit

JOB = {"type": "group", "groupid": "chain", "threads": 2, "output": ["results/a b.txt", "c"]}
RESOURCES = {"mem_mb": 6000, "runtime": 33, "gpu": 1, "tmpdir": "/tmp"}
# As Snakemake writes them, shortened.
SCRIPT = """#!/bin/sh
# properties = {}
cd '/home/me' && python -m snakemake --snakefile Snakefile --target-jobs 'a:seed=0' 'b:seed=0' --allowed-rules a b \
--local-groupid 1 --cores all --attempt 1 --force --keep-incomplete --nolock --mode 'remote' && exit 0 || exit 1
"""


def options(jobs_per_gpu: int = 1, **resources) -> list[str]:
    return submit.sbatch_options({**JOB, "resources": {**RESOURCES, **resources}}, jobs_per_gpu)


def test_memory_time_processors_and_gpus_are_asked_for():
    asked = options()
    assert {"--mem=6000M", "--time=33", "--cpus-per-task=2", "--gpus=1", "--job-name=winnow-chain"} <= set(asked)
    assert not [option for option in asked if option.startswith(("--partition", "--account", "--gres"))]


@pytest.mark.parametrize("resources", [{"gpu": 0}, {"gpu": 0, "gres": "gpu:1", "gpu_model": "a100"}])
def test_no_gpu_is_asked_for_where_none_is_needed(resources):
    assert not [option for option in options(**resources) if "gpu" in option]


@pytest.mark.parametrize(
    ("resources", "option"),
    [
        ({"gpu_model": "a100"}, "--gpus=a100:1"),
        ({"gres": "gpu:1"}, "--gres=gpu:1"),
        ({"slurm_partition": "main"}, "--partition=main"),
        ({"slurm_partition": "main", "slurm_gpu_partition": "gpus"}, "--partition=gpus"),
        ({"slurm_account": "lab"}, "--account=lab"),
        ({"constraint": "skylake"}, "--constraint=skylake"),
        ({"slurm_extra": "--exclude=n1 --comment='two words'"}, "--comment=two words"),
    ],
)
def test_what_a_site_needs_goes_into_the_request(resources, option):
    asked = options(**resources)
    assert option in asked and len({name.split("=")[0] for name in asked}) == len(asked)


def test_jobs_that_share_a_gpu_ask_for_it_once():
    assert "--gpus=1" in options(jobs_per_gpu=3, gpu=3)
    assert "--gpus=2" in options(jobs_per_gpu=3, gpu=4)


def test_on_a_node_snakemake_is_asked_for_files_and_keeps_records():
    script = submit.plain_run(SCRIPT, JOB, force=False)
    (call,) = [line for line in script.splitlines() if line.startswith("cd ")]
    assert " -m snakemake --snakefile Snakefile 'results/a b.txt' c --allowed-rules a b " in call
    assert "--cores 2" in call
    assert not [flag for flag in ("--mode", "--force", "--target-jobs", "--keep-incomplete") if flag in call]
    assert script.startswith("#!/bin/sh\ntrap ")


def test_a_forced_run_is_forced_on_the_node_too():
    script = submit.plain_run(SCRIPT, JOB, force=True)
    assert "--target-jobs 'a:seed=0' 'b:seed=0' --allowed-rules" in script and "--force " in script


def test_an_unknown_form_of_jobscript_is_refused():
    with pytest.raises(SystemExit, match="unknown form"):
        submit.plain_run(SCRIPT.replace("--mode", "--way"), JOB, force=False)
    with pytest.raises(SystemExit, match="--profile slurm"):
        submit.read_properties("#!/bin/sh\n")


def test_properties_are_read():
    assert submit.read_properties(SCRIPT.replace("{}", json.dumps(JOB))) == JOB


@pytest.mark.parametrize(
    ("squeue", "sacct", "left", "answer"),
    [
        ("7|RUNNING (None)\n", None, None, "running"),
        ("7|PENDING (Priority)\n", None, None, "running"),
        ("7|COMPLETED (None)\n", None, None, "success"),
        ("7|CANCELLED (None)\n", None, None, "failed"),
        ("7|OUT_OF_MEMORY (OutOfMemory)\n", None, None, "failed"),
        ("7|PREEMPTED (None)\n", None, None, "failed"),
        ("7|SOMETHING_NEW (None)\n", None, None, "failed"),
        (None, "COMPLETED\n", "0", "running"),  # it does not answer: nothing is concluded
        ("8|RUNNING (None)\n", "COMPLETED\n", None, "success"),
        ("", "CANCELLED by 1000\n", None, "failed"),
        ("", "NODE_FAIL+\n", None, "failed"),
        ("", "RUNNING\n", None, "running"),
        ("", None, "0", "success"),
        ("", "", "1", "failed"),
        ("", "", None, "failed"),
    ],
)
def test_what_is_made_of_slurms_answers(monkeypatch, tmp_path, squeue, sacct, left, answer):
    monkeypatch.setattr(status, "EXITS", tmp_path)
    monkeypatch.setattr(status, "CACHE", tmp_path / "squeue.txt")
    monkeypatch.setattr(status, "ask", lambda program, *_: {"squeue": squeue, "sacct": sacct}[program])
    if left is not None:
        (tmp_path / "7.exit").write_text(left)
    assert status.status("7")[0] == answer


def test_slurm_is_asked_once_for_all_jobs_but_again_for_a_new_one(monkeypatch, tmp_path):
    answers = ["1|RUNNING (None)\n2|RUNNING (None)\n", "1|RUNNING (None)\n2|RUNNING (None)\n3|PENDING (None)\n"]
    monkeypatch.setattr(status, "EXITS", tmp_path)
    monkeypatch.setattr(status, "CACHE", tmp_path / "squeue.txt")
    monkeypatch.setattr(status, "ask", lambda *_: answers.pop(0))
    assert [status.status(job)[0] for job in "121212"] == ["running"] * 6
    assert len(answers) == 1
    assert status.status("3")[0] == "running"
    assert not answers


def test_every_rule_of_the_workflow_travels_in_a_group():
    profile = yaml.safe_load((ROOT / "slurm/config.yaml").read_text())
    assert set(profile["groups"]) == set(script_rules("auto"))
    assert set(profile["group-components"]) <= set(profile["groups"].values())


# -- what the nodes have -----------------------------------------------------------------------------------------------

SMALL = submit.Nodes("cpu", True, 4, 16000, "(null)")
LARGE = submit.Nodes("big", False, 64, 256000, "(null)")
GPUS = submit.Nodes("gpu", False, 16, 64000, "gpu:a100:4(S:0)")
MEASURES = {"type": "group", "groupid": "measures", "threads": 8, "output": ["c"]}


def asking(job: dict, **resources) -> dict:
    return {**job, "resources": {"mem_mb": 8000, "runtime": 30, **resources}}


def test_nodes_are_read(monkeypatch, tmp_path):
    said = "cpu*|4|16000|(null)\nbig|64|256000|(null)\ngpu|16|64000|gpu:a100:4(S:0)\ngpu|16|64000|gpu:a100:4(S:0)\n"
    sinfo = tmp_path / "sinfo"
    sinfo.write_text(f"#!/bin/sh\nprintf '{said}'\n")
    sinfo.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert submit.all_nodes() == [SMALL, LARGE, GPUS]
    sinfo.unlink()
    assert submit.all_nodes() == []


def test_no_more_processors_are_asked_for_than_the_nodes_have_and_time_for_it():
    job = asking(MEASURES)
    fitted = submit.fitted(job, [SMALL, LARGE, GPUS])
    assert (fitted["threads"], fitted["resources"]["runtime"]) == (4, 60)
    assert "--cores 4" in submit.plain_run(SCRIPT, fitted, force=False)
    assert submit.fitted(asking(MEASURES, slurm_partition="big"), [SMALL, LARGE]) == asking(
        MEASURES, slurm_partition="big"
    )
    for nodes in ([], [LARGE]):  # Slurm does not answer, or has no default partition
        assert submit.fitted(job, nodes) == job
    elsewhere = asking(MEASURES, slurm_extra="--partition=big")
    assert submit.fitted(elsewhere, [SMALL, LARGE]) == elsewhere


@pytest.mark.parametrize(
    ("job", "nodes", "lines"),
    [
        (asking(JOB, gpu=1), [SMALL, GPUS], ["2 processors, 8000 MB, 30 minutes, a GPU", "slurm_gpu_partition: gpu"]),
        (asking(JOB, gpu=1), [SMALL, LARGE], ["cpu (default): nodes of 4 processors, 16000 MB, no GPU", "device: cpu"]),
        (asking(MEASURES, mem_mb=64000), [SMALL, LARGE], ["slurm_partition: big"]),
        (asking(MEASURES, mem_mb=64000), [SMALL], ["--resources mem_mb=16000"]),
        (asking(MEASURES), [], ["docs/cluster.md"]),
    ],
)
def test_what_to_write_is_said(job, nodes, lines):
    said = submit.advice(job, nodes)
    assert all(line in said for line in [*lines, *map(str, nodes)])


def test_details_are_said_once_a_run(monkeypatch, tmp_path):
    monkeypatch.setattr(submit, "EXITS", tmp_path)
    assert [submit.say_once(run, "no", "since …") for run in "aab"] == [
        "no\n  since …", "no: as said above", "no\n  since …",
    ]  # fmt: skip


def test_a_jobs_script_names_no_inputs_however_many_there_are():
    job = {**JOB, "input": [f"images/{n:06}.png" for n in range(110_000)]}
    assert "images/" not in submit.plain_run(SCRIPT.replace("{}", json.dumps(job)), job, force=False)
