"""What the rules share: lists of what there is, and helper functions; no rules.

Needs: CONFIG.
"""

from snakemake.exceptions import WorkflowError

from winnow.config.sources.source import CLONE_SUFFIX
from winnow.job.versions import VERSIONS

METHODS = ["imp", "oneshot", "random"]
ROUNDS = list(range(1, CONFIG.pruning.rounds + 1))
CLONED = [name for name, settings in CONFIG.datasets.items() if settings.clone is not None]
CLONES = [f"{name}{CLONE_SUFFIX}" for name in CLONED]
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
TRAINING = {**CONFIG.training.model_dump(), **CONFIG.network.model_dump(include={"norm_keep", "norm_epsilon"})}
PRUNING = CONFIG.pruning.model_dump(include={"share", "pool", "criterion"})


wildcard_constraints:
    experiment=CONFIG.experiment,
    dataset="|".join(CONFIG.all_datasets),
    method="|".join(METHODS),
    seed=r"\d+",
    round=r"\d+",
    statistic="(?!claims)[a-z_]+",


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


def mask_that_chooses(wildcards):
    """The mask that says which units the explorer shows in detail: IMP's last; for a clone, of what it is a clone of."""
    dataset = wildcards.dataset.removesuffix(CLONE_SUFFIX)
    run = f"results/{wildcards.experiment}/runs/{dataset}/seed{wildcards.seed}"
    return f"{run}/imp/round{ROUNDS[-1]}/mask.safetensors"


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


def figure_files(figure):
    """The outputs of a figure's rule; its name stays a wildcard, which the rule fixes."""
    return {
        "pdf": "results/{experiment}/figures/{figure}.pdf",
        "png": report(
            "results/{experiment}/figures/{figure}.png",
            caption=f"../report/{figure}.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": figure.removeprefix("fig")},
        ),
    }
