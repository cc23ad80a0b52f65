"""How jobs are set up: processors, GPUs, environments, memory and time.

Needs: CONFIG.
Makes: limits of the whole run; what the rules say under `conda:` and `resources:`.
"""

import os

import snakemake.jobs
from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod
from snakemake.utils import available_cpu_count

from winnow.config.choices import split_name
from winnow.config.sources.source import CLONE_SUFFIX
from winnow.job import environment, needs
from winnow.job.devices import smallest_gpu_mb, visible_gpus

# Jobs beyond the processors there are only crowd each other out of the caches: all take longer, and more memory.  On a
# cluster (jobs on nodes) nothing is limited.
asked_cores = workflow.global_resources["_cores"].value
if workflow.nodes is None and asked_cores is not None and asked_cores > available_cpu_count():
    logger.info(f"{asked_cores} cores were asked for, {available_cpu_count()} are there and will be used.")
    workflow.global_resources["_cores"] = available_cpu_count()


# Several jobs share a GPU, so that some start while others train (winnow/job/needs.py says how many, and why).  Asked of
# the GPUs once, by who starts the run: its jobs, and those that it sends to a cluster's nodes, are told.
JOBS_PER_GPU = CONFIG.compute.jobs_per_gpu or int(os.environ.get("WINNOW_JOBS_PER_GPU") or 0)
if not JOBS_PER_GPU:
    gpu_mb = smallest_gpu_mb() if workflow.nodes is None and CONFIG.compute.device != "cpu" else None
    plain_datasets = [CONFIG.plain(name) for name in CONFIG.datasets]
    JOBS_PER_GPU = needs.jobs_per_gpu(gpu_mb, [(dataset.most_images, dataset.n_inputs) for dataset in plain_datasets])

# `forced` and `jobs_per_gpu` are for slurm/submit.py, which is also told all files of a job, not a hundred at most.
forced = workflow.is_main_process and {"-f", "-F", "-R", "--force", "--forceall", "--forcerun"} & set(sys.argv)
environment.hand_to_jobs(scratch=CONFIG.compute.scratch, jobs_per_gpu=JOBS_PER_GPU, forced="yes" if forced else None)
# For what figures say of their making.  A job's own Snakemake is called in another way, and knows no better.
environment.hand_to_jobs(configuration=environment.digest_of(CONFIG.model_dump(mode="json", by_alias=True)))
if workflow.is_main_process:
    own_files = [] if is_module else workflow.overwrite_configfiles
    environment.hand_to_jobs(command=environment.command_of(own_files, workflow.config_settings.config or {}))
snakemake.jobs.IO_PROP_LIMIT = sys.maxsize

# What the shell, a notebook or a module of the site has set for other programs; what a container does not have.
environment.name_user()
environment.prefer_library()
environment.keep_compiled_code(Path(".snakemake/numba"))
if foreign := environment.keep_from_jobs():
    logger.warning(f"Kept from the jobs, since they would change or break them: {', '.join(foreign)}.")

# With `--use-conda`.  Only who insists on a GPU gets PyTorch's build for CUDA, some gigabytes.
TRAINING_ENVIRONMENT = "../../envs/gpu.yaml" if CONFIG.compute.device == "cuda" else "../../envs/training.yaml"
MEASURING_ENVIRONMENT = "../../envs/gpu.yaml" if CONFIG.compute.device == "cuda" else "../../envs/analysis.yaml"

# No more jobs at a time than GPUs have places; each then takes one by lock (winnow/job/devices.py).
if workflow.nodes is None and (gpus := visible_gpus()) and workflow.global_resources.get("gpu").value is None:
    workflow.global_resources["gpu"] = len(gpus) * JOBS_PER_GPU
# Places on a GPU that a job takes.  PyTorch of conda's environments sees none unless one is insisted on; and on a cluster
# measuring runs on the nodes without.
USING_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
GPU_SETTINGS = {"cuda"} if USING_CONDA and CONFIG.compute.device != "cuda" else {"auto", "cuda"}
TRAINING_GPUS = int(CONFIG.compute.device in GPU_SETTINGS)
MEASURING_GPUS = int(CONFIG.compute.measuring_device in GPU_SETTINGS and workflow.nodes is None)


def experiment_size(wildcards):
    """What memory and time of a job depend on; jobs for all datasets depend on no dataset's size."""
    name = wildcards.get("dataset", CONFIG.figure_dataset)
    settings = CONFIG.of_run(name)
    return needs.Size(
        n_inputs=CONFIG.plain(split_name(name)[0].removesuffix(CLONE_SUFFIX)).n_inputs,
        hidden=tuple(settings.network.hidden),
        n_classes=1000,
        steps=settings.training.steps,
        batch=settings.training.batch,
        rounds=CONFIG.pruning.rounds,
        runs=(len(CONFIG.all_datasets) + len(VARIED)) * len(CONFIG.seeds) * len(METHODS),
        layers=tuple(CONFIG.measure.layers),
    )


def memory(step):
    """`mem_mb` of a step's jobs; more on each further attempt."""

    def mem_mb(wildcards, attempt):
        return needs.memory_mb(step, experiment_size(wildcards), attempt)

    return mem_mb


def minutes(step):
    """`runtime` of a step's jobs; more on each further attempt."""
    device = "cuda" if CONFIG.compute.device == "cuda" else "cpu"

    def runtime(wildcards, attempt):
        return needs.minutes(step, experiment_size(wildcards), attempt, device)

    return runtime


onstart:
    # Snakemake looks for a profile's scripts from where it runs (`-d elsewhere`), not from where the profile is.
    for command in ("submit_cmd", "status_cmd", "cancel_cmd"):
        script = getattr(workflow.executor_settings, command, None)
        if script and not Path(script).exists() and (beside := Path(workflow.basedir) / script).exists():
            setattr(workflow.executor_settings, command, str(beside))
    show_progress()
