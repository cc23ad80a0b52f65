"""The figures of the paper, and one more; one rule each, plot_fig1 to plot_fig6.

Needs: the dataset of the figures and its clone, masks of the first seed, its cavity example, components, and the tables
of all runs.
Makes: results/<experiment>/figures/fig1.pdf, fig1.png and so on.
"""

DATASET = CONFIG.figure_dataset
CLONE = f"{DATASET}{CLONE_SUFFIX}" if DATASET in CLONED else None
OF_CLONE = [CLONE] if CLONE else []
# Where the figures show a single run, it is the first seed's.
RUN = f"results/{{experiment}}/runs/{DATASET}/seed{CONFIG.seeds[0]}"
CLONE_RUN = f"results/{{experiment}}/runs/{CLONE}/seed{CONFIG.seeds[0]}"
LAST_MASK = f"round{CONFIG.pruning.rounds}/mask.safetensors"

FORMATS = ["pdf", "png"]
# Figure 3 compares with the clone: without one, there is none.
FIGURES = ["fig1", "fig2", *(["fig3"] if CLONE else []), "fig4", "fig5", "fig6"]
FIGURE_FILES = expand(
    "results/{experiment}/figures/{figure}.{format}", experiment=CONFIG.experiment, figure=FIGURES, format=FORMATS
)

FIGURE_INPUT = {
    # The most connected units' masks, IMP beside oneshot.
    "fig1": {
        "dataset": f"results/{{experiment}}/data/{DATASET}",
        "imp": f"{RUN}/imp/{LAST_MASK}",
        "oneshot": f"{RUN}/oneshot/{LAST_MASK}",
    },
    # Independent and principal components of the validation images.
    "fig2": {
        "dataset": f"results/{{experiment}}/data/{DATASET}",
        "components": f"results/{{experiment}}/components/{DATASET}.safetensors",
    },
    # The Gaussian clone: images, IMP's masks, receptive-field width by round.
    "fig3": {
        "dataset": f"results/{{experiment}}/data/{DATASET}",
        "clone": f"results/{{experiment}}/data/{CLONE}",
        "mask": f"{CLONE_RUN}/imp/{LAST_MASK}",
        "locality": run_tables("locality", [DATASET], ["imp", "random"]) + run_tables("locality", OF_CLONE, ["imp"]),
    },
    # Receptive-field width and kurtosis against sparsity.
    "fig4": {
        "locality": run_tables("locality", [DATASET]),
        "kurtosis": run_tables("kurtosis_by_class", [DATASET]),
    },
    # Cavity scores by the round of removal, and their controls.
    "fig5": {
        "example": f"{RUN}/imp/cavity_example.parquet",
        "cavity": run_tables("cavity", [DATASET]) + run_tables("cavity", OF_CLONE, ["imp"]),
    },
    # Accuracy against density, and the pair correlation of the masks.
    "fig6": {
        "dataset": f"results/{{experiment}}/data/{DATASET}",
        "training": training_tables([DATASET]),
        "pair_correlation": run_tables("pair_correlation", [DATASET])
        + run_tables("pair_correlation", OF_CLONE, ["imp"]),
    },
}
FIGURE_PARAMS = {
    "fig1": {"units": CONFIG.figures.units},
    "fig2": {},
    "fig3": {"clone": CLONE, "units": CONFIG.figures.units},
    "fig4": {},
    "fig5": {"clone": CLONE},
    "fig6": {"clone": CLONE},
}

for figure in FIGURES:

    rule:
        name:
            f"plot_{figure}"
        input:
            **FIGURE_INPUT[figure],
        output:
            pdf="results/{experiment}/figures/{figure}.pdf",
            png=report(
                "results/{experiment}/figures/{figure}.png",
                caption=f"../report/{figure}.rst",
                category="Figures",
                labels={"experiment": "{experiment}", "figure": figure.removeprefix("fig")},
            ),
        log:
            "results/{experiment}/logs/plot_{figure}/figure.log",
        benchmark:
            "results/{experiment}/benchmarks/plot_{figure}/figure.tsv"
        wildcard_constraints:
            figure=figure,
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory("plot_figures"),
            runtime=minutes("plot_figures"),
        params:
            **FIGURE_PARAMS[figure],
            dataset=DATASET,
            version=VERSIONS["plot_figures"],
        script:
            # A wildcard: Snakemake evaluates this line when the job runs, and `figure` is the last one then.
            "../scripts/plot_{wildcards.figure}.py"
