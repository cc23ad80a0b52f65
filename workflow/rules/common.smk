"""What the rules share: lists of what there is, and helper functions; no rules.

Needs: CONFIG.
"""

import re
import shutil

from snakemake.exceptions import WorkflowError

from winnow.config.choices import OF_WIDTHS, split_name
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
# Where a dataset is trained and measured once more under a choice, it goes by a name of its own there.
CHOICES = list(CONFIG.choices)
VARIED = [name for names in CONFIG.varied.values() for name in names]


wildcard_constraints:
    experiment=CONFIG.experiment,
    dataset="|".join(map(re.escape, [*CONFIG.all_datasets, *VARIED])),
    method="|".join(ALL_METHODS),
    seed=r"\d+",
    round=r"\d+",
    statistic="(?!claims|methods|responses|trends|sensitivity)[a-z_]+",


def dataset_settings(wildcards):
    """The settings of a dataset's source."""
    return CONFIG.datasets[wildcards.dataset].model_dump(exclude={"clone"})


def source_files(wildcards):
    """The user's files that a dataset is made of; none for synthetic images and bundled photographs."""
    try:
        return list(map(str, CONFIG.datasets[wildcards.dataset].files()))
    except (ValueError, OSError) as error:
        raise WorkflowError(str(error)) from None


def settings_of(wildcards):
    """The settings of a run: the experiment's, or those under its choice."""
    return CONFIG.of_run(wildcards.dataset)


def training_settings(wildcards):
    """How a run trains."""
    settings = settings_of(wildcards)
    return {**settings.training.params(), **settings.network.params("norm_keep", "norm_epsilon")}


def network_settings(wildcards):
    """The network that a run trains."""
    return settings_of(wildcards).network.params("hidden", "initial_weights", "batch_norm")


def norm_epsilon(wildcards):
    """ε of a run's batch norm."""
    return settings_of(wildcards).network.norm_epsilon


def initial_weights(wildcards):
    """The distribution of a run's initial weights."""
    return settings_of(wildcards).network.initial_weights


def locality_settings(wildcards):
    """How the widths of a run are measured."""
    return settings_of(wildcards).locality.model_dump()


def locality_channels(wildcards):
    """Which pixels of a run's units are pairs."""
    return settings_of(wildcards).locality.channels


def images(wildcards):
    """The images of a run, which are the same under every choice."""
    return f"results/{wildcards.experiment}/data/{split_name(wildcards.dataset)[0]}"


def run_folder(wildcards, stage):
    """The folder that has a stage's results for a run: under a choice that changes nothing in it, the dataset's own."""
    home = CONFIG.home(wildcards.dataset, stage)
    return f"results/{wildcards.experiment}/runs/{home}/seed{wildcards.seed}"


def dense(name):
    """A file of the dense training, which choices of pruning and measuring share."""

    def path(wildcards):
        return f"{run_folder(wildcards, 'dense')}/dense/{name}.safetensors"

    return path


def mask_of_round(wildcards):
    """The mask m(n), which choices of measuring share."""
    return f"{run_folder(wildcards, 'masks')}/{wildcards.method}/round{wildcards.round}/mask.safetensors"


def masks_of_method(method):
    """The masks of all rounds of a method."""

    def paths(wildcards):
        return [f"{run_folder(wildcards, 'masks')}/{method}/round{n}/mask.safetensors" for n in ROUNDS]

    return paths


def masks_of_rounds(wildcards):
    """The masks of all rounds of a run's method."""
    return masks_of_method(wildcards.method)(wildcards)


def first_imp_mask(wildcards):
    """IMP's mask after the first round."""
    return masks_of_method("imp")(wildcards)[0]


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
    pruning = settings_of(wildcards).pruning
    method = ALL_METHODS[wildcards.method]
    criterion = method.criterion or pruning.criterion
    own = method.all_settings(pruning.criterion)
    # Methods at the start and while training prune no biases.
    cuts_biases = method.procedure in ("iterate", "oneshot")
    return {
        "share": pruning.share,
        "pool": method.pool or CRITERIA[criterion].pool or pruning.pool,
        "criterion": criterion,
        **({"biases": pruning.biases} if cuts_biases and pruning.biases != "pooled" else {}),
        **({"of_criterion": own} if own else {}),
        **({"by_round": True} if method.procedure == "oneshot" and method.by_round else {}),
    }


def previous_mask(wildcards):
    """m(n−1), the mask that round n trains with."""
    return f"{run_folder(wildcards, 'masks')}/{wildcards.method}/round{int(wildcards.round) - 1}/mask.safetensors"


def start_settings(wildcards):
    """Where and in how many cuts a method at the start prunes."""
    method = ALL_METHODS[wildcards.method]
    return {"iterations": method.iterations, "by_round": method.by_round}


def start_network(wildcards):
    """The network of a method that prunes initial weights, which are drawn again; null: it prunes the rewind point."""
    at_rewind = ALL_METHODS[wildcards.method].at == "rewind"
    return None if at_rewind else network_settings(wildcards)


def start_parameters(wildcards):
    """θ(t_rewind) for a method that scores it."""
    return [] if start_network(wildcards) else dense("rewind")(wildcards)


def start_of(wildcards):
    """The parameters to which a method's masks belong: θ(t_rewind), but for those on other weights."""
    method = ALL_METHODS[wildcards.method]
    if method.procedure == "from_masks" and method.criterion == "reinitialised":
        return f"{run_folder(wildcards, 'dense')}/{wildcards.method}/start.safetensors"
    return dense("rewind")(wildcards)


def making(wildcards):
    """What a method makes of another's masks."""
    method = ALL_METHODS[wildcards.method]
    own = method.all_settings(settings_of(wildcards).pruning.criterion)
    return {"maker": method.criterion, **({"of_maker": own} if own else {})}


def source_masks(wildcards):
    """The masks of which a method's are made."""
    return masks_of_method(ALL_METHODS[wildcards.method].of)(wildcards)


def film_masks(wildcards):
    """The masks of a film, one a round; refused where it cannot be made."""
    pairs = [(dataset, method) for dataset in [*CONFIG.all_datasets, *VARIED] for method in ALL_METHODS]
    meant = [pair for pair in pairs if "_".join(pair) == f"{wildcards.dataset}_{wildcards.method}"]
    if len(meant) > 1:
        either = " or of ".join(f"{method} on {dataset}" for dataset, method in meant)
        raise WorkflowError(f"films/{'_'.join(meant[0])}_… may be of {either}: rename a dataset or a method")
    if wildcards.format == "mp4" and not shutil.which("ffmpeg"):
        raise WorkflowError("MP4 films need ffmpeg, which is not on PATH: install it, or ask for the .gif instead")
    return masks_of_rounds(wildcards)


def mask_that_chooses(wildcards):
    """The mask that says which units the explorer shows in detail: IMP's last; for a clone, of what it is a clone of."""
    home = CONFIG.home(wildcards.dataset.removesuffix(CLONE_SUFFIX), "masks")
    run = f"results/{wildcards.experiment}/runs/{home}/seed{wildcards.seed}"
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


def varied_runs(wildcards):
    """The tables of a statistic under all choices, each with what its run is called there."""
    statistic, runs = wildcards.statistic, f"results/{wildcards.experiment}/runs"
    found = []
    for name in VARIED:
        for seed in CONFIG.seeds:
            run = f"{runs}/{CONFIG.home(name, 'widths' if statistic in OF_WIDTHS else 'masks')}/seed{seed}"
            if statistic == "training":
                iterated = [method for method in METHODS if ALL_METHODS[method].procedure == "iterate"]
                found.append((name, f"{runs}/{CONFIG.home(name, 'dense')}/seed{seed}/dense/training.parquet"))
                found += [
                    (name, f"{run}/{method}/round{n}/training.parquet") for method in iterated for n in ROUNDS[1:]
                ]
                continue
            methods = METHODS
            if statistic in ("cavity", "layers_cavity"):
                methods = ["imp"] if name.endswith(CLONE_SUFFIX) else NESTED
            found += [(name, f"{run}/{method}/{statistic}.parquet") for method in methods if method in METHODS]
    return found


def varied_tables(wildcards):
    """The tables of a statistic that are gathered for all choices."""
    return [table for _, table in varied_runs(wildcards)]


def varied_names(wildcards):
    """What the runs of these tables are called under their choices."""
    return [name for name, _ in varied_runs(wildcards)]


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
