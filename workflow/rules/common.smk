"""What the rules share: lists of what there is, and helper functions; no rules.

Needs: CONFIG.
"""

import shutil

from snakemake.exceptions import WorkflowError

from winnow.config.sources.source import CLONE_SUFFIX
from winnow.job.versions import VERSIONS
from winnow.pruning.criteria.registry import CRITERIA
from winnow.pruning.methods import MAKERS, PAPER

# Those of the experiment; and all that there are, since one may be made of another's masks.
METHODS = list(CONFIG.methods)
ALL_METHODS = CONFIG.all_methods
NESTED = [method for method in METHODS if ALL_METHODS[method].is_nested(ALL_METHODS)]
ROUNDS = list(range(1, CONFIG.pruning.rounds + 1))
PREPARED = [name for name in CONFIG.datasets if name not in {**CONFIG.blends, **CONFIG.clones}]
CLONED = [name for name, settings in CONFIG.datasets.items() if settings.clone is not None]
CLONES = [f"{name}{CLONE_SUFFIX}" for name in CLONED]
# Those that are measured where they are asked for (settings `measure.statistics` and `measure.layers`).
FURTHER = CONFIG.measure.tables
STATISTICS = [
    "locality",
    "locality_population",
    "pair_correlation",
    "kurtosis_by_unit",
    "kurtosis_by_class",
    "participation",
    "cavity",
    "training",
    *(["certificate"] if CLONED or CONFIG.clones else []),
    *FURTHER,
]
TRAINING = {**CONFIG.training.model_dump(), **CONFIG.network.model_dump(include={"norm_keep", "norm_epsilon"})}


wildcard_constraints:
    experiment=CONFIG.experiment,
    dataset="|".join(CONFIG.all_datasets),
    method="|".join(ALL_METHODS),
    seed=r"\d+",
    round=r"\d+",
    statistic="(?!claims|methods|responses|trends)[a-z_]+",


def dataset_settings(wildcards):
    """The settings of a dataset's source."""
    return CONFIG.datasets[wildcards.dataset].model_dump(exclude={"clone"})


def source_files(wildcards):
    """The user's files that a dataset is made of; none for synthetic images and bundled photographs."""
    try:
        return list(map(str, CONFIG.datasets[wildcards.dataset].files()))
    except (ValueError, OSError) as error:
        raise WorkflowError(str(error)) from None


def blended(wildcards):
    """The dataset of which a blend is made, and its clone."""
    natural = f"results/{wildcards.experiment}/data/{CONFIG.blends[wildcards.dataset].of}"
    return {"natural": natural, "clone": f"{natural}{CLONE_SUFFIX}"}


def clone_share(wildcards):
    """The clone's share of a blend's variance."""
    return CONFIG.blends[wildcards.dataset].clone_share


def clone_settings(wildcards):
    """The settings of a dataset's Gaussian clone."""
    settings = CONFIG.clone_of(wildcards.dataset).model_dump()
    # Clones go by the name of what they are a clone of.  If that is one itself, it has the name already.
    return settings | ({"name": f"{wildcards.dataset}{CLONE_SUFFIX}"} if wildcards.dataset in CONFIG.clones else {})


def cloned(wildcards):
    """The dataset of which one more clone is made."""
    return f"results/{wildcards.experiment}/data/{CONFIG.clones[wildcards.dataset].of}"


def more_clone_settings(wildcards):
    """The settings of one more clone."""
    return CONFIG.clones[wildcards.dataset].model_dump(exclude={"clone", "source", "of"})


def of_procedure(*procedures, scored=None):
    """The names of the methods with one of the procedures, as a pattern; none is a pattern that fits nothing.

    `scored` tells those whose criterion looks at network and data (True) from those that need parameters alone (False).
    """
    names = [name for name, method in ALL_METHODS.items() if method.procedure in procedures]
    if scored is not None:
        names = [name for name in names if looks_at_data(name) == scored]
    return "|".join(names) or "(?!)"


def of_maker(*makers):
    """The names of the methods whose masks are made of another's in one of these ways, as a pattern."""
    named = ALL_METHODS.items()
    return "|".join(name for name, m in named if m.procedure == "from_masks" and m.criterion in makers) or "(?!)"


def looks_at_data(name):
    """Whether a method's criterion looks at network and data."""
    return ALL_METHODS[name].known(CONFIG.pruning.criterion).interface == "network"


def pruning_settings(wildcards):
    """What a method's criterion, pool and share are; the criterion's own settings where it has any."""
    method = ALL_METHODS[wildcards.method]
    criterion = method.criterion or CONFIG.pruning.criterion
    own = method.all_settings(CONFIG.pruning.criterion)
    return {
        "share": CONFIG.pruning.share,
        "pool": method.pool or CRITERIA[criterion].pool or CONFIG.pruning.pool,
        "criterion": criterion,
        **({"of_criterion": own} if own else {}),
        **({"by_round": True} if method.procedure == "oneshot" and method.by_round else {}),
    }


def previous_mask(wildcards):
    """m(n−1), the mask that round n trains with."""
    run = f"results/{wildcards.experiment}/runs/{wildcards.dataset}/seed{wildcards.seed}"
    return f"{run}/{wildcards.method}/round{int(wildcards.round) - 1}/mask.safetensors"


def start_settings(wildcards):
    """Where and in how many cuts a method at the start prunes."""
    method = ALL_METHODS[wildcards.method]
    return {"iterations": method.iterations, "by_round": method.by_round}


def start_network(wildcards):
    """The network of a method that prunes initial weights, which are drawn again; null: it prunes the rewind point."""
    at_rewind = ALL_METHODS[wildcards.method].at == "rewind"
    return None if at_rewind else CONFIG.network.model_dump(include={"hidden", "initial_weights"})


def start_parameters(wildcards):
    """θ(t_rewind) for a method that scores it."""
    run = f"results/{wildcards.experiment}/runs/{wildcards.dataset}/seed{wildcards.seed}"
    return [] if start_network(wildcards) else f"{run}/dense/rewind.safetensors"


def start_of(wildcards):
    """The parameters to which a method's masks belong: θ(t_rewind), but for those on other weights."""
    run = f"results/{wildcards.experiment}/runs/{wildcards.dataset}/seed{wildcards.seed}"
    method = ALL_METHODS[wildcards.method]
    if method.procedure == "from_masks" and method.criterion == "reinitialised":
        return f"{run}/{wildcards.method}/start.safetensors"
    return f"{run}/dense/rewind.safetensors"


def making(wildcards):
    """What a method makes of another's masks."""
    method = ALL_METHODS[wildcards.method]
    own = method.all_settings(CONFIG.pruning.criterion)
    return {"maker": method.criterion, **({"of_maker": own} if own else {})}


def source_masks(wildcards):
    """The masks of which a method's are made."""
    run = f"results/{wildcards.experiment}/runs/{wildcards.dataset}/seed{wildcards.seed}"
    return [f"{run}/{ALL_METHODS[wildcards.method].of}/round{n}/mask.safetensors" for n in ROUNDS]


def film_masks(wildcards):
    """The masks of a film, one a round; refused where it cannot be made."""
    pairs = [(dataset, method) for dataset in CONFIG.all_datasets for method in ALL_METHODS]
    meant = [pair for pair in pairs if "_".join(pair) == f"{wildcards.dataset}_{wildcards.method}"]
    if len(meant) > 1:
        either = " or of ".join(f"{method} on {dataset}" for dataset, method in meant)
        raise WorkflowError(f"films/{'_'.join(meant[0])}_… may be of {either}: rename a dataset or a method")
    if wildcards.format == "mp4" and not shutil.which("ffmpeg"):
        raise WorkflowError("MP4 films need ffmpeg, which is not on PATH: install it, or ask for the .gif instead")
    run = f"results/{wildcards.experiment}/runs/{wildcards.dataset}/seed{wildcards.seed}"
    return [f"{run}/{wildcards.method}/round{n}/mask.safetensors" for n in ROUNDS]


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


def further_table(table):
    """The gathered table of a statistic that is measured where it is asked for; none where it is not."""
    return f"results/{{experiment}}/{table}.parquet" if table in FURTHER else []


def training_tables(datasets=CONFIG.all_datasets, methods=METHODS):
    """The training curves of all runs: of dense networks, of iterative rounds, and of baselines if they are trained."""
    run = "results/{experiment}/runs/{dataset}/seed{seed}"
    iterated = [method for method in methods if ALL_METHODS[method].procedure == "iterate"]
    patterns = [f"{run}/dense/training.parquet"]
    patterns += [f"{run}/{method}/round{n}/training.parquet" for method in iterated for n in ROUNDS[1:]]
    if CONFIG.pruning.retrain_baselines:
        others = [method for method in methods if method not in iterated]
        patterns += [f"{run}/{method}/retrained/round{n}.parquet" for method in others for n in ROUNDS]
        # The rounds of iterative pruning train all of its masks but the last.
        patterns += [f"{run}/{method}/retrained/round{ROUNDS[-1]}.parquet" for method in iterated]
    return expand(patterns, dataset=datasets, seed=CONFIG.seeds, allow_missing=True)


def cavity_tables(statistic="cavity"):
    """The cavity scores of all runs whose masks are nested: only then has a weight a fate.

    On clones those of IMP alone: the control of the scores on Gaussian data.
    """
    of_imp = [method for method in METHODS if method == "imp"]
    return run_tables(statistic, CONFIG.datasets, NESTED) + run_tables(statistic, CLONES, of_imp)


def gathered_tables(wildcards):
    """The tables that are gathered into one."""
    if wildcards.statistic == "certificate":
        certified = [*CLONES, *CONFIG.clones]
        tables = expand("results/{experiment}/certificates/{dataset}.parquet", dataset=certified, allow_missing=True)
    elif wildcards.statistic == "training":
        tables = training_tables()
    elif wildcards.statistic in ("cavity", "layers_cavity"):
        tables = cavity_tables(wildcards.statistic)
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
        "csv": "results/{experiment}/figures/{figure}.csv",
        "quotes": "results/{experiment}/figures/{figure}.rst",
    }
