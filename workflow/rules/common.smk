"""Configuration, lists of what there is, and the helper functions of the rules; no rules."""

import sys
from pathlib import Path

import snakemake.jobs
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod
from snakemake.utils import available_cpu_count

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from winnow import needs
from winnow.config import CLONE_SUFFIX, ConfigError, check_config_file, parse_config
from winnow.devices import visible_gpus
from winnow.environment import hand_to_jobs
from winnow.versions import VERSIONS

config_files = workflow.overwrite_configfiles or ["config.yaml"]
config_origin = ", ".join(map(str, config_files))
if workflow.config_settings.config:
    config_origin += " with --config"
try:
    for config_file in config_files:
        check_config_file(config_file)
    CONFIG = parse_config(config, config_origin)
except ConfigError as error:
    raise WorkflowError(f"The configuration cannot be run.\n{error}") from None

# Jobs beyond the processors there are only crowd each other out of the caches: all take longer, and more memory.  On a
# cluster (jobs on nodes) nothing is limited.
asked_cores = workflow.global_resources["_cores"].value
if workflow.nodes is None and asked_cores is not None and asked_cores > available_cpu_count():
    logger.info(f"{asked_cores} cores were asked for, {available_cpu_count()} are there and will be used.")
    workflow.global_resources["_cores"] = available_cpu_count()

# `forced` and `jobs_per_gpu` are for slurm/submit.py, which is also told all files of a job, not a hundred at most.
forced = workflow.is_main_process and {"-f", "-F", "-R", "--force", "--forceall", "--forcerun"} & set(sys.argv)
hand_to_jobs(scratch=CONFIG.compute.scratch, jobs_per_gpu=CONFIG.compute.jobs_per_gpu, forced="yes" if forced else None)
snakemake.jobs.IO_PROP_LIMIT = sys.maxsize

METHODS = ["imp", "oneshot", "random"]
ROUNDS = list(range(1, CONFIG.pruning.rounds + 1))
CLONED = [name for name, settings in CONFIG.datasets.items() if settings.clone is not None]
CLONES = [f"{name}{CLONE_SUFFIX}" for name in CLONED]
FIGURE_CLONE = f"{CONFIG.figure_dataset}{CLONE_SUFFIX}" if CONFIG.figure_dataset in CLONED else None
STATISTICS = [
    "locality",
    "locality_population",
    "pair_correlation",
    "kurtosis_by_unit",
    "kurtosis_by_class",
    "cavity",
    "training",
    *(["certificate"] if CLONED else []),
]
# Where the figures show a single run, it is the first seed's.
FIGURE_RUN = f"results/{{experiment}}/runs/{CONFIG.figure_dataset}/seed{CONFIG.seeds[0]}"
CLONE_RUN = f"results/{{experiment}}/runs/{FIGURE_CLONE}/seed{CONFIG.seeds[0]}"
LAST_MASK = f"round{CONFIG.pruning.rounds}/mask.safetensors"
FIGURE_CLONES = [FIGURE_CLONE] if FIGURE_CLONE else []
FORMATS = ["pdf", "png"]
# Figure 3 compares with the clone: without one, there is none.
FIGURES = ["fig1", "fig2", *(["fig3"] if FIGURE_CLONE else []), "fig4", "fig5", "fig6"]
FIGURE_FILES = expand(
    "results/{experiment}/figures/{figure}.{format}", experiment=CONFIG.experiment, figure=FIGURES, format=FORMATS
)
# With `--use-conda`.  Only who insists on a GPU gets PyTorch's build for CUDA, some gigabytes.
TRAINING_ENVIRONMENT = "../../envs/gpu.yaml" if CONFIG.compute.device == "cuda" else "../../envs/training.yaml"
MEASURING_ENVIRONMENT = "../../envs/gpu.yaml" if CONFIG.compute.device == "cuda" else "../../envs/analysis.yaml"
NORM = CONFIG.network.model_dump(include={"norm_keep", "norm_epsilon"})
TRAINING = {**CONFIG.training.model_dump(), **NORM}
PRUNING = CONFIG.pruning.model_dump(include={"share", "pool", "criterion"})

# No more jobs at a time than GPUs have places; each then takes one by lock (winnow/devices.py).
if workflow.nodes is None and (gpus := visible_gpus()) and workflow.global_resources.get("gpu").value is None:
    workflow.global_resources["gpu"] = len(gpus) * CONFIG.compute.jobs_per_gpu
# Places on a GPU that a job takes.  PyTorch of conda's environments sees none unless one is insisted on; and on a cluster
# measuring runs on the nodes without.
USING_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
GPU_SETTINGS = {"cuda"} if USING_CONDA and CONFIG.compute.device != "cuda" else {"auto", "cuda"}
TRAINING_GPUS = int(CONFIG.compute.device in GPU_SETTINGS)
MEASURING_GPUS = int(CONFIG.compute.measuring_device in GPU_SETTINGS and workflow.nodes is None)


wildcard_constraints:
    experiment=CONFIG.experiment,
    dataset="|".join(CONFIG.all_datasets),
    method="|".join(METHODS),
    seed=r"\d+",
    round=r"\d+",
    statistic="(?!claims)[a-z_]+",


def experiment_size(wildcards):
    """What memory and time of a job depend on; jobs for all datasets depend on no dataset's size."""
    name = wildcards.get("dataset", CONFIG.figure_dataset).removesuffix(CLONE_SUFFIX)
    return needs.Size(
        n_inputs=CONFIG.datasets[name].n_inputs,
        hidden=tuple(CONFIG.network.hidden),
        n_classes=1000,
        steps=CONFIG.training.steps,
        batch=CONFIG.training.batch,
        rounds=CONFIG.pruning.rounds,
        runs=len(CONFIG.all_datasets) * len(CONFIG.seeds) * len(METHODS),
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


def dataset_settings(wildcards):
    """The settings of a dataset's source."""
    return CONFIG.datasets[wildcards.dataset].model_dump(exclude={"clone"})


def source_files(wildcards):
    """The user's files that a dataset is made of; none for synthetic images and bundled photographs."""
    try:
        return list(map(str, CONFIG.datasets[wildcards.dataset].files()))
    except (ValueError, OSError) as error:
        raise WorkflowError(str(error)) from None


def clone_settings(wildcards):
    """The settings of a dataset's Gaussian clone."""
    return CONFIG.clone_of(wildcards.dataset).model_dump()


def previous_mask(wildcards):
    """m(n−1), the mask that round n trains with."""
    run = f"results/{wildcards.experiment}/runs/{wildcards.dataset}/seed{wildcards.seed}"
    return f"{run}/imp/round{int(wildcards.round) - 1}/mask.safetensors"


def run_tables(statistic, datasets=CONFIG.all_datasets, methods=METHODS):
    """The tables of a statistic, one a run; the experiment stays a wildcard."""
    return expand(
        "results/{experiment}/runs/{dataset}/seed{seed}/{method}/{statistic}.parquet",
        dataset=datasets,
        seed=CONFIG.seeds,
        method=methods,
        statistic=statistic,
        allow_missing=True,
    )


def training_tables(datasets=CONFIG.all_datasets):
    """The training curves of all runs: of dense networks, of IMP's rounds, and of baselines if they are to be trained."""
    run = "results/{experiment}/runs/{dataset}/seed{seed}"
    patterns = [f"{run}/dense/training.parquet", *(f"{run}/imp/round{n}/training.parquet" for n in ROUNDS[1:])]
    if CONFIG.pruning.retrain_baselines:
        patterns += [f"{run}/{method}/retrained/round{n}.parquet" for method in METHODS[1:] for n in ROUNDS]
        # IMP's rounds train all of its masks but the last.
        patterns.append(f"{run}/imp/retrained/round{ROUNDS[-1]}.parquet")
    return expand(patterns, dataset=datasets, seed=CONFIG.seeds, allow_missing=True)


def cavity_tables():
    """The cavity scores of all runs; on clones those of IMP alone: the control of the scores on Gaussian data."""
    return run_tables("cavity", datasets=CONFIG.datasets) + run_tables("cavity", CLONES, ["imp"])


def gathered_tables(wildcards):
    """The tables that are gathered into one."""
    if wildcards.statistic == "certificate":
        tables = expand("results/{experiment}/certificates/{dataset}.parquet", dataset=CLONES, allow_missing=True)
    elif wildcards.statistic == "training":
        tables = training_tables()
    elif wildcards.statistic == "cavity":
        tables = cavity_tables()
    else:
        tables = run_tables(wildcards.statistic)
    return expand(tables, experiment=wildcards.experiment)
