import fcntl
import logging
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from project import SCRIPTS
from winnow.job import devices
from winnow.job.devices import claim_device, smallest_gpu_mb, visible_gpus

UUIDS = [f"GPU-{n}a1b2c3d-0000-1111-2222-333344445555" for n in range(3)]
VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")


class Machine:
    """A pretended machine with NVIDIA's driver, in a folder."""

    def __init__(self, folder: Path):
        self.driver, self.devices, self.locks = folder / "driver", folder / "dev", folder / "locks"
        self.driver.mkdir(parents=True)
        self.devices.mkdir()

    def add_gpu(self, uuid: str, *, node: bool = True) -> None:
        minor = len(list(self.driver.iterdir()))
        gpu = self.driver / f"0000:{minor:02x}:00.0"
        gpu.mkdir()
        (gpu / "information").write_text(f"Model: \t\t NVIDIA\nGPU UUID:   \t {uuid}\nDevice Minor: \t {minor}\n")
        if node:
            (self.devices / f"nvidia{minor}").touch()

    def process(self, jobs_per_gpu: int = 1, **environment: str) -> "Process":
        return Process(self, jobs_per_gpu, environment)


class Process:
    """A process that takes a GPU of the pretended machine and keeps it; its log is its output."""

    CODE = """
import logging, sys
from pathlib import Path
from winnow.job import devices
logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stdout)
devices._DRIVER, devices._DEVICES, devices._LOCKS = map(Path, sys.argv[2:])
devices._take_gpu(int(sys.argv[1]))
sys.stdin.read()
"""

    def __init__(self, machine: Machine, jobs_per_gpu: int, environment: dict[str, str]):
        folders = [str(folder) for folder in (machine.driver, machine.devices, machine.locks)]
        inherited = {key: value for key, value in os.environ.items() if key not in VARIABLES}
        library = str(SCRIPTS)
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.CODE, str(jobs_per_gpu), *folders],
            env={**inherited, "PYTHONPATH": library, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def took(self) -> str:
        """The GPU that it takes, sooner or later."""
        return re.match(r"on GPU (\S+) of", self.process.stdout.readline())[1]

    def waits(self) -> bool:
        """Whether it finds no GPU free."""
        return "waiting for one" in self.process.stdout.readline()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A pretended machine without GPUs, instead of the one that the tests run on."""
    made = Machine(tmp_path / "machine")
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(devices, "_DRIVER", made.driver)
    monkeypatch.setattr(devices, "_DEVICES", made.devices)
    monkeypatch.setattr(devices, "_LOCKS", made.locks)
    monkeypatch.setattr(devices, "_taken", [])
    environment = dict(os.environ)
    yield made
    devices._give_back()
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def three(machine):
    for uuid in UUIDS:
        machine.add_gpu(uuid)
    return machine


@pytest.fixture
def cuda(three, monkeypatch):
    """PyTorch as on a machine with three GPUs."""
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return three


# -- which device a setting means -------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["auto", "cuda"])
def test_a_gpu_is_used_where_torch_sees_one(setting, cuda):
    assert claim_device("cpu") == "cpu" and "CUDA_VISIBLE_DEVICES" not in os.environ
    assert claim_device(setting) == "cuda" and os.environ["CUDA_VISIBLE_DEVICES"] == UUIDS[0]


@pytest.mark.parametrize("hidden", ["", "-1", "-1,0", "9", "nonsense"])
def test_hidden_gpus_are_none(hidden, cuda, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert claim_device("auto") == "cpu"
    with pytest.raises(ValueError, match="'cuda', but CUDA_VISIBLE_DEVICES hides all GPUs: set it to 'auto' or 'cpu'"):
        claim_device("cuda")


def test_a_driver_is_not_enough(cuda, monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert claim_device("auto") == "cpu" and f"torch does not see GPU {UUIDS[0]}" in caplog.text
    assert devices._taken == []
    with pytest.raises(ValueError, match="torch does not see GPU"):
        claim_device("cuda")
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    assert claim_device("auto") == "cpu"
    with pytest.raises(ValueError, match="build is the one for processors"):
        claim_device("cuda")
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)
    assert claim_device("auto") == "cpu"
    with pytest.raises(ValueError, match="torch is not installed"):
        claim_device("cuda")


def test_without_a_driver_torch_is_not_imported(machine, monkeypatch):
    code = (
        "import sys; from pathlib import Path\n"
        "from winnow.job import devices\n"
        "devices._DRIVER = devices._DEVICES = Path('/nowhere')\n"
        "assert devices.claim_device('auto') == devices.claim_device('cpu') == 'cpu'\n"
        "import winnow.measure.cavity, winnow.measure.kurtosis, winnow.measure.locality, winnow.measure.components\n"
        "assert 'torch' not in sys.modules"
    )
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ValueError, match="no NVIDIA driver"):
        claim_device("cuda")


# -- which GPUs there are ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (None, UUIDS),
        ("0,2", ["0", "2"]),
        (" 1 , 0", ["1", "0"]),
        ("1,-1,0", ["1"]),
        ("0,7,1", ["0"]),
        ("0,0", ["0"]),
        (f"{UUIDS[2]},1", [UUIDS[2], "1"]),
        ("GPU-1a1b", ["GPU-1a1b"]),
        ("MIG-77,MIG-78", ["MIG-77", "MIG-78"]),
    ],
)
def test_visible_gpus_are_those_that_cuda_reads(three, monkeypatch, variable, expected):
    if variable is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus() == expected


def test_a_driver_that_knows_no_uuids_counts(machine):
    for _ in range(2):
        machine.add_gpu("GPU-????????-????-????-????-????????????")
    assert visible_gpus() == ["0", "1"]


def test_gpus_that_a_container_was_not_given_are_not_counted(machine):
    machine.add_gpu(UUIDS[0], node=False)
    machine.add_gpu(UUIDS[1])
    assert visible_gpus() == [UUIDS[1]]


def test_device_files_are_counted_where_the_driver_does_not_tell(machine):
    assert visible_gpus() == []
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (machine.devices / name).touch()
    assert visible_gpus() == ["0", "1"]


def test_windows_linux_has_one(machine):
    (machine.devices / "dxg").touch()
    assert visible_gpus() == ["0"]


# -- how large they are -----------------------------------------------------------------------------------------------


def pretend_smi(folder: Path, monkeypatch, script: str) -> None:
    """`nvidia-smi` as a shell script, and nothing else on PATH."""
    folder.mkdir()
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("script", "memory"),
    [
        ('test "$1" = --query-gpu=memory.total && echo 81559 && echo 40960', 42949),
        ("echo '[N/A]'", None),
        ("echo 81559; exit 9", None),
        ("true", None),
    ],
)
def test_the_smallest_gpu_counts(three, monkeypatch, tmp_path, script, memory):
    pretend_smi(tmp_path / "bin", monkeypatch, script)
    assert smallest_gpu_mb() == memory


def test_nothing_is_asked_where_there_is_no_gpu_or_a_part_of_one(machine, monkeypatch, tmp_path):
    pretend_smi(tmp_path / "bin", monkeypatch, f"touch {tmp_path}/asked; echo 81559")
    assert smallest_gpu_mb() is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-1")
    assert smallest_gpu_mb() is None
    assert not (tmp_path / "asked").exists()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", UUIDS[0])
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert smallest_gpu_mb() is None


# -- who has which ----------------------------------------------------------------------------------------------------


def test_each_process_has_a_gpu_of_its_own_and_a_killed_one_leaves_it(three):
    processes = [three.process() for _ in UUIDS]
    taken = [process.took() for process in processes]
    assert sorted(taken) == UUIDS
    late = three.process()
    assert late.waits()
    processes[1].kill()
    assert late.took() == taken[1]
    for process in (*processes, late):
        process.kill()


def test_so_many_share_a_gpu_as_are_allowed(machine):
    machine.add_gpu(UUIDS[0])
    machine.add_gpu(UUIDS[1])
    processes = [machine.process(jobs_per_gpu=2) for _ in range(4)]
    assert sorted(process.took() for process in processes) == sorted(2 * UUIDS[:2])
    late = machine.process(jobs_per_gpu=2)
    assert late.waits()
    for process in (*processes, late):
        process.kill()


def test_jobs_go_to_free_gpus_first(three):
    processes = []
    for expected in UUIDS:
        processes.append(three.process(jobs_per_gpu=3))
        assert processes[-1].took() == expected
    for process in processes:
        process.kill()


@pytest.mark.parametrize(("first", "second"), [(1, 4), (4, 1)])
def test_who_shares_and_who_does_not_never_meet(machine, first, second):
    machine.add_gpu(UUIDS[0])
    one = machine.process(jobs_per_gpu=first)
    one.took()
    other = machine.process(jobs_per_gpu=second)
    assert other.waits()
    one.kill()
    assert other.took() == UUIDS[0]
    other.kill()


def test_the_same_gpu_by_index_by_uuid_and_by_its_beginning(machine):
    machine.add_gpu(UUIDS[0])
    machine.add_gpu(UUIDS[1])
    one = machine.process(CUDA_VISIBLE_DEVICES="1")
    assert one.took() == "1"
    others = [machine.process(CUDA_VISIBLE_DEVICES=name) for name in (UUIDS[1], UUIDS[1][:9])]
    unset = machine.process()
    assert unset.took() == UUIDS[0]
    assert all([other.waits() for other in others])
    for process in (one, unset, *others):
        process.kill()


def test_allocations_do_not_wait_for_each_other(three):
    one, other = (three.process(SLURM_JOB_ID=job, CUDA_VISIBLE_DEVICES="0") for job in ("17", "18"))
    assert one.took() == other.took() == "0"
    same = three.process(SLURM_JOB_ID="17", CUDA_VISIBLE_DEVICES="0")
    assert same.waits()
    for process in (one, other, same):
        process.kill()


def test_an_index_is_one_of_the_drivers_list(machine):
    machine.add_gpu("GPU-????????-????-????-????-????????????")
    devices._take_gpu(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0" and os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_the_users_order_stays(three, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,1")
    devices._take_gpu(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2" and "CUDA_DEVICE_ORDER" not in os.environ


def test_waiting_is_said(machine, caplog, monkeypatch):
    machine.add_gpu(UUIDS[0])
    other = machine.process()
    other.took()
    monkeypatch.setattr(devices.time, "sleep", lambda _: other.kill())
    with caplog.at_level(logging.INFO, "winnow"):
        devices._take_gpu(1)
    assert f"all GPUs ({UUIDS[0]}) are taken by other jobs" in caplog.text
    assert f"on GPU {UUIDS[0]} of {UUIDS[0]}, as job 1 of at most 1" in caplog.text


# -- a folder for all -------------------------------------------------------------------------------------------------


def test_locks_are_open_to_all_users_whatever_the_umask(machine):
    machine.add_gpu(UUIDS[0])
    before = os.umask(0o077)
    try:
        devices._take_gpu(1)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert stat.S_IMODE(machine.locks.stat().st_mode) == 0o1777
    assert [stat.S_IMODE(file.stat().st_mode) for file in machine.locks.iterdir()] == [0o444]


def test_a_link_in_place_of_a_lock_is_not_followed(machine, tmp_path):
    machine.add_gpu(UUIDS[0])
    machine.locks.mkdir()
    (tmp_path / "precious").write_text("mine")
    (machine.locks / UUIDS[0]).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"):
        devices._take_gpu(1)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_link_in_place_of_the_folder_is_refused(machine, tmp_path):
    machine.add_gpu(UUIDS[0])
    machine.locks.symlink_to(tmp_path)
    with pytest.raises(OSError, match="locks is a link, it must be a folder"):
        devices._take_gpu(1)


def test_a_pipe_in_place_of_a_lock_is_not_waited_for(machine):
    machine.add_gpu(UUIDS[0])
    machine.locks.mkdir()
    os.mkfifo(machine.locks / UUIDS[0])
    devices._take_gpu(1)
    assert len(devices._taken) == 1


def test_a_lock_that_another_user_made_is_used(machine):
    machine.add_gpu(UUIDS[0])
    machine.locks.mkdir()
    (machine.locks / UUIDS[0]).touch(mode=0o444)
    with (machine.locks / UUIDS[0]).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not devices._lock(UUIDS[0], 0, shared=False)
    assert devices._lock(UUIDS[0], 0, shared=False)
