"""A private Slurm on one machine, for tests: real daemons, made-up nodes and GPUs, nothing outside its folder, no root.

Debian's packages `slurm-wlm` and `munge` are enough.  There are no cgroups, so memory limits are not enforced.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
CLIENTS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sdiag")
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
# Slurm counts a GPU only if there is a character device for it.
DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random"]


def missing_programs() -> list[str]:
    """What of Slurm is not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=SEARCH) is None]


@dataclass(frozen=True)
class Job:
    """A job as squeue shows it."""

    id: str
    name: str
    state: str
    cpus: int
    memory: str
    limit: str
    gpus: int
    restarts: int


class Cluster:
    """A Slurm cluster of one machine.

    Nodes `cpu1 …` and `gpu1`, in the partitions `cpu` and `gpu`, and all of them in `all`.  Jobs in the partition
    `urgent` push others off any node; these are requeued.

    Args:
        folder: for all of its files; its path is short and has no blanks.
        cpu_nodes: nodes without GPUs.
        gpus: GPUs of the node that has some.
        cpus: processors of each node.
        min_job_age: seconds for which a finished job is remembered.
        default: the default partition.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cpu_nodes: int = 2,
        gpus: int = 3,
        cpus: int = 8,
        min_job_age: int = 86400,
        default: str = "all",
    ):
        self.folder = folder.resolve()
        self.nodes = [f"cpu{n}" for n in range(1, cpu_nodes + 1)] + ["gpu1"]
        for name in ("etc", "run", "log", "state", "bin", *(f"spool/{node}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, self.folder / "run"):
            folder.chmod(0o755)  # munge insists
        self.conf = self.folder / "etc/slurm.conf"
        self._daemons: dict[str, subprocess.Popen] = {}
        self._configure(gpus, cpus, min_job_age, default)

    def _configure(self, gpus: int, cpus: int, min_job_age: int, default: str) -> None:
        here, host, user = self.folder, socket.gethostname().split(".")[0], subprocess.getoutput("id -un")
        ports = free_ports(len(self.nodes) + 1)
        sizes = f"CPUs={cpus} RealMemory=200000 State=UNKNOWN"
        lines = f"""
            ClusterName=test
            SlurmctldHost={host}(127.0.0.1)
            SlurmctldPort={ports[0]}
            SlurmUser={user}
            SlurmdUser={user}
            AuthType=auth/munge
            AuthInfo=socket={here}/run/munge.sock
            CredType=cred/munge
            CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
            StateSaveLocation={here}/state
            SlurmdSpoolDir={here}/spool/%n
            SlurmctldPidFile={here}/run/slurmctld.pid
            SlurmdPidFile={here}/run/slurmd-%n.pid
            SlurmctldLogFile={here}/log/slurmctld.log
            SlurmdLogFile={here}/log/slurmd-%n.log
            MailProg=/bin/true
            MpiDefault=none
            SwitchType=switch/none
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            JobCompType=jobcomp/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU_Memory
            SlurmdParameters=config_overrides
            GresTypes=gpu
            ReturnToService=2
            MinJobAge={min_job_age}
            PreemptType=preempt/partition_prio
            PreemptMode=REQUEUE
            OverTimeLimit=0
            KillWait=2
            SlurmdTimeout=10
            SlurmctldTimeout=10
            MessageTimeout=5
            SchedulerType=sched/backfill
            SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,requeue_delay=1
            """.splitlines()
        for node, port in zip(self.nodes, ports[1:], strict=True):
            resource = f"Gres=gpu:{gpus} " if node == "gpu1" else ""
            lines.append(f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} {resource}{sizes}")
        for name, nodes, options in (
            ("all", self.nodes, "PriorityTier=1"),
            ("cpu", self.nodes[:-1], "PriorityTier=1"),
            ("gpu", self.nodes[-1:], "PriorityTier=1"),
            ("urgent", self.nodes, "PriorityTier=2 PreemptMode=OFF"),
        ):
            options += " Default=YES" if name == default else ""
            lines.append(f"PartitionName={name} Nodes={','.join(nodes)} {options} MaxTime=1-0 State=UP")
        self.conf.write_text("\n".join(line.strip() for line in lines) + "\n")
        devices = ",".join(DEVICES[:gpus])
        (here / "etc/gres.conf").write_text(f"AutoDetect=off\nNodeName=gpu1 Name=gpu File={devices}\n")
        (here / "etc/cgroup.conf").write_text("CgroupAutomount=no\n")
        (here / "etc/munge.key").write_bytes(os.urandom(128))
        (here / "etc/munge.key").chmod(0o600)
        for name in CLIENTS:
            if (real := shutil.which(name, path=SEARCH)) is not None:
                client = here / "bin" / name
                client.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {real} "$@"\n')
                client.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a user who is logged in to the cluster."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "SLURM_CONF": str(self.conf)}

    # -- daemons -------------------------------------------------------------------------------------------------

    def _launch(self, name: str, *command: str) -> None:
        program = shutil.which(command[0], path=SEARCH)
        with (self.folder / f"log/{name}.out").open("ab") as said:
            self._daemons[name] = subprocess.Popen(
                [program, *command[1:]], stdout=said, stderr=said, cwd=self.folder / "log", env=self.environment
            )

    def start(self) -> None:
        """Bring all up; RuntimeError if it does not come up within half a minute."""
        run, log = self.folder / "run", self.folder / "log"
        self._launch(
            "munged", "munged", "--foreground", f"--key-file={self.folder}/etc/munge.key", f"--socket={run}/munge.sock",
            f"--pid-file={run}/munged.pid", f"--log-file={log}/munged.log", f"--seed-file={run}/munged.seed",
        )  # fmt: skip
        wait_for(lambda: (run / "munge.sock").exists(), "munged", 10)
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        wait_for(lambda: self.node_states() == dict.fromkeys(self.nodes, "idle"), f"Slurm; see {log}", 30)

    def start_controller(self) -> None:
        """Start slurmctld."""
        self._launch("slurmctld", "slurmctld", "-D")

    def stop_controller(self) -> None:
        """End slurmctld; jobs go on."""
        self._end("slurmctld", signal.SIGTERM)

    def start_node(self, node: str) -> None:
        """Start slurmd of a node."""
        self._launch(node, "slurmd", "-D", "-N", node)

    def kill_node(self, node: str) -> None:
        """The node loses its power: slurmd and all jobs on it die at once."""
        self._end(node, signal.SIGKILL)
        there = [process for process in self.job_processes() if environment_of(process).get("SLURMD_NODENAME") == node]
        # First those that watch the jobs and would report their end.
        for process in sorted({parent_of(process) for process in there} - set(there) - {1}) + there:
            kill(process)

    def _end(self, name: str, how: signal.Signals) -> None:
        daemon = self._daemons.pop(name)
        daemon.send_signal(how)
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def stop(self) -> None:
        """End all daemons and jobs."""
        if "slurmctld" in self._daemons:
            subprocess.run(["scancel", "--me"], env=self.environment, timeout=30, check=False)
        for name in reversed(list(self._daemons)):
            self._end(name, signal.SIGTERM)
        for process in self.job_processes():
            kill(process)

    def job_processes(self) -> Iterator[int]:
        """Processes of this cluster's jobs, and the daemons' helpers that watch them."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                variables = environment_of(int(entry.name))
                if variables.get("SLURM_CONF") == str(self.conf) and "SLURM_JOB_ID" in variables:
                    yield int(entry.name)

    # -- questions -----------------------------------------------------------------------------------------------

    def ask(self, *command: str) -> str:
        """What a command of Slurm prints; empty if it fails."""
        done = subprocess.run(command, env=self.environment, text=True, capture_output=True, timeout=60, check=False)
        return done.stdout if done.returncode == 0 else ""

    def begin_requeued(self) -> None:
        """Have jobs that were requeued begin as soon as they can; Slurm lets them wait for two minutes."""
        for job in self.jobs(active=True):
            if job.restarts and job.state == "PENDING":
                self.ask("scontrol", "update", f"JobId={job.id}", "StartTime=now")

    def node_states(self) -> dict[str, str]:
        """State of each node, such as idle, mixed, allocated, down*."""
        lines = self.ask("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
        return dict(line.split() for line in lines)

    def jobs(self, *, active: bool = False) -> list[Job]:
        """Jobs that were ever submitted (or wait or run now), oldest first."""
        jobs = []
        states = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED"}
        for line in self.ask("scontrol", "--oneliner", "show", "job").splitlines():
            field = dict(re.findall(r"(\w+(?:/\w+)?)=(\S*)", line))
            if "JobId" in field and (not active or field["JobState"] in states):
                gpus = re.search(r"gpu(?::\w+)?[:=](\d+)", line)
                jobs.append(
                    Job(
                        id=field["JobId"],
                        name=field["JobName"],
                        state=field["JobState"],
                        cpus=int(field["NumCPUs"].split("-")[0]),
                        memory=field.get("MinMemoryNode", ""),
                        limit=field["TimeLimit"],
                        gpus=int(gpus[1]) if gpus else 0,
                        restarts=int(field["Restarts"]),
                    )
                )
        return sorted(jobs, key=lambda job: int(job.id))


def free_ports(number: int) -> list[int]:
    """Ports that are free now."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def environment_of(process: int) -> dict[str, str]:
    """Environment variables of a process; none if it is gone or another's."""
    try:
        entries = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(entry.decode(errors="replace").split("=", 1) for entry in entries if b"=" in entry)


def parent_of(process: int) -> int:
    """The process that started it; 1 if it is gone."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 1


def kill(process: int) -> None:
    """SIGKILL, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def wait_for(condition, what: str, seconds: float) -> None:
    """Wait until a condition holds; RuntimeError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come up within {seconds:.0f} s")
        time.sleep(0.1)
