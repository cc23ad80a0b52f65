"""The figures of the paper, and five more; one rule each, plot_fig1 and so on.  And films of masks.

Needs: the dataset of the figures and its clone, masks of the first seed, its cavity example, components, and the tables
of all runs.
Makes: results/<experiment>/figures/fig1.pdf, fig1.png, the numbers that it shows as fig1.csv, and so on; where they are
asked for, films in results/<experiment>/films/.
"""

DATASET = CONFIG.figure_dataset
CLONE = f"{DATASET}{CLONE_SUFFIX}" if DATASET in CLONED else None
OF_CLONE = [CLONE] if CLONE else []
# Where the figures show a single run, it is the first seed's.
RUN = f"results/{{experiment}}/runs/{DATASET}/seed{CONFIG.seeds[0]}"
CLONE_RUN = f"results/{{experiment}}/runs/{CLONE}/seed{CONFIG.seeds[0]}"
LAST_MASK = f"round{CONFIG.pruning.rounds}/mask.safetensors"

# The figure, twice; its numbers; what its caption quotes of them.
FORMATS = ["pdf", "png", "csv", "rst"]
# Those of the paper compare its three methods, figure 3 also with the clone: without one of these, there is none.
COMPARED = set(PAPER) <= set(METHODS)
OF_PAPER = ["fig1", *(["fig3"] if CLONE else []), "fig4", "fig5", "fig6"] if COMPARED else []
# Dose and response is for data that differ by a dial, beyond the Gaussian that they share.
DIALLED = [name for name, (_, dial) in CONFIG.dials.items() if dial != 0] if COMPARED else []
# The claims compare the paper's methods too.
SENSITIVE = COMPARED and bool(CHOICES)
FIGURES = sorted(
    ["fig2", *OF_PAPER, "fig7", *(["fig8"] if DIALLED else []), *(["fig9"] if SENSITIVE else [])],
)
# What deeper layers see, where they are measured.
FIGURES += ["fig10"] if CONFIG.measure.is_deep else []
FIGURE_FILES = expand(
    "results/{experiment}/figures/{figure}.{format}", experiment=CONFIG.experiment, figure=FIGURES, format=FORMATS
)

FIGURE_SHOWS = {
    "fig1": "Masks of units at quantiles of their number of weights, and of the most connected; IMP beside oneshot.",
    "fig2": "Independent and principal components of the validation images.",
    "fig3": "Example images and their Gaussian clones; IMP's masks on both; receptive-field width by round.",
    "fig4": "Receptive-field width and kurtosis against sparsity for IMP, oneshot and random masks.",
    "fig5": "How a cavity score comes about; scores by the round of removal; three controls.",
    "fig6": "Validation accuracy against density; pair correlation of the masks.",
    "fig7": "All pruning methods at a glance: SNIP, SynFlow and others are run by naming them.",
    "fig8": "Where images have a dial from Gaussian to not: the statistics against it.",
    "fig9": "Where choices are varied: which claims depend on which choice.",
    "fig10": "Where deeper layers are measured: the statistics of each hidden layer against sparsity.",
}

# Asked for by name, never part of `all`: of all methods, MP4 only where there is what writes it.
FILM_FILES = expand(
    "results/{experiment}/films/{dataset}_{method}_seed{seed}.{format}",
    experiment=CONFIG.experiment,
    dataset=DATASET,
    method=METHODS,
    seed=CONFIG.seeds[0],
    format=["gif", *(["mp4"] if shutil.which("ffmpeg") else [])],
)

TREND_FILES = expand("results/{experiment}/trends.md", experiment=CONFIG.experiment) if DIALLED else []


# Figure 2 comes first: its rule says what all of them share.  The others take that over, and add to its params.
rule plot_fig2:
    """Independent and principal components of the validation images."""
    input:
        dataset=f"results/{{experiment}}/data/{DATASET}",
        components=f"results/{{experiment}}/components/{DATASET}.safetensors",
    output:
        **figure_files("fig2"),
    log:
        "results/{experiment}/logs/plot_{figure}/figure.log",
    benchmark:
        "results/{experiment}/benchmarks/plot_{figure}/figure.tsv"
    wildcard_constraints:
        figure="fig2",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("plot_figures"),
        runtime=minutes("plot_figures"),
    params:
        dataset=DATASET,
        width=CONFIG.figures.width,
        version=VERSIONS["plot_figures"],
    script:
        "../scripts/plot_{wildcards.figure}.py"


if COMPARED:

    use rule plot_fig2 as plot_fig1 with:
        """First-layer units' masks, IMP beside oneshot."""
        input:
            dataset=f"results/{{experiment}}/data/{DATASET}",
            imp=f"{RUN}/imp/{LAST_MASK}",
            oneshot=f"{RUN}/oneshot/{LAST_MASK}",
        output:
            **figure_files("fig1"),
        wildcard_constraints:
            figure="fig1",
        params:
            units=CONFIG.figures.units,


if COMPARED and CLONE:

    use rule plot_fig2 as plot_fig3 with:
        """The Gaussian clone beside the original: images, IMP's masks, receptive-field width by round."""
        input:
            dataset=f"results/{{experiment}}/data/{DATASET}",
            clone=f"results/{{experiment}}/data/{CLONE}",
            mask=f"{RUN}/imp/{LAST_MASK}",
            clone_mask=f"{CLONE_RUN}/imp/{LAST_MASK}",
            locality=run_tables("locality", [DATASET], ["imp", "random"]) + run_tables("locality", OF_CLONE, ["imp"]),
        output:
            **figure_files("fig3"),
        wildcard_constraints:
            figure="fig3",
        params:
            clone=CLONE,
            units=CONFIG.figures.units,


if COMPARED:

    use rule plot_fig2 as plot_fig4 with:
        """Receptive-field width and kurtosis against sparsity."""
        input:
            locality=run_tables("locality", [DATASET], PAPER),
            kurtosis=run_tables("kurtosis_by_class", [DATASET], PAPER),
        output:
            **figure_files("fig4"),
        wildcard_constraints:
            figure="fig4",

    use rule plot_fig2 as plot_fig5 with:
        """Cavity scores by the round of removal, and their controls."""
        input:
            example=f"{RUN}/imp/cavity_example.parquet",
            cavity=run_tables("cavity", [DATASET], PAPER) + run_tables("cavity", OF_CLONE, ["imp"]),
        output:
            **figure_files("fig5"),
        wildcard_constraints:
            figure="fig5",
        params:
            clone=CLONE,

    use rule plot_fig2 as plot_fig6 with:
        """Accuracy against density, and the pair correlation of the masks."""
        input:
            dataset=f"results/{{experiment}}/data/{DATASET}",
            training=training_tables([DATASET], PAPER),
            pair_correlation=run_tables("pair_correlation", [DATASET], PAPER)
            + run_tables("pair_correlation", OF_CLONE, ["imp"]),
        output:
            **figure_files("fig6"),
        wildcard_constraints:
            figure="fig6",
        params:
            clone=CLONE,


use rule plot_fig2 as plot_fig7 with:
    """All methods at a glance: statistics at every sparsity, and masks, a column a method."""
    input:
        dataset=f"results/{{experiment}}/data/{DATASET}",
        methods="results/{experiment}/methods.parquet",
        masks=[f"{RUN}/{method}/{LAST_MASK}" for method in METHODS],
    output:
        **figure_files("fig7"),
    wildcard_constraints:
        figure="fig7",
    params:
        methods=METHODS,
        procedures=[ALL_METHODS[method].procedure for method in METHODS],


if DIALLED:

    use rule plot_fig2 as plot_fig8 with:
        """Dose and response: the statistics against the dial of the data, a curve an arm."""
        input:
            responses="results/{experiment}/responses.parquet",
        output:
            **figure_files("fig8"),
        wildcard_constraints:
            figure="fig8",


if SENSITIVE:

    use rule plot_fig2 as plot_fig9 with:
        """Which claims depend on which choice: a row a choice, a panel a claim."""
        input:
            sensitivity="results/{experiment}/sensitivity.parquet",
        output:
            **figure_files("fig9"),
        wildcard_constraints:
            figure="fig9",


if CONFIG.measure.is_deep:

    use rule plot_fig2 as plot_fig10 with:
        """What deeper layers see: statistics of each hidden layer against sparsity, a curve a method."""
        input:
            methods="results/{experiment}/methods.parquet",
        output:
            **figure_files("fig10"),
        wildcard_constraints:
            figure="fig10",


# The report shows the code of each rule's script, but fills in no wildcard for it.
for figure in FIGURES:
    getattr(rules, f"plot_{figure}").rule.script = f"../scripts/plot_{figure}.py"


rule make_film:
    """Masks of the units of figure 1 after every round: a frame a round."""
    input:
        dataset=images,
        masks=film_masks,
    output:
        film="results/{experiment}/films/{dataset}_{method}_seed{seed}.{format}",
    log:
        "results/{experiment}/logs/make_film/{dataset}_{method}_seed{seed}_{format}.log",
    benchmark:
        "results/{experiment}/benchmarks/make_film/{dataset}_{method}_seed{seed}_{format}.tsv"
    wildcard_constraints:
        format="gif|mp4",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("make_film"),
        runtime=minutes("make_film"),
    params:
        units=CONFIG.figures.units,
        version=VERSIONS["make_film"],
    script:
        "../scripts/make_film.py"
