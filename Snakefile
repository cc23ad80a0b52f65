"""How pruning finds receptive fields: Redman, Wang, Ingrosso & Goldt (2024), reproduced and continued.

snakemake --cores 8          everything: statistics, claims, figures
snakemake --cores 8 fig4     one figure and only what it needs
snakemake --cores 8 explorer the page to look around in, and what it needs
snakemake -n help_targets    all that may be asked for by name
"""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.19")


# A configuration file given on the command line replaces the default experiment, it does not extend it.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/configuration.smk"
include: "workflow/rules/jobs.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/prune.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/choices.smk"
include: "workflow/rules/layers.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/record.smk"
include: "workflow/rules/progress.smk"


rule all:
    """Everything: statistics, claims, figures, the explorer, the record; made where no target is named."""
    default_target: True
    input:
        FIGURE_FILES,
        expand("results/{experiment}/{statistic}.parquet", experiment=CONFIG.experiment, statistic=STATISTICS),
        expand("results/{experiment}/claims.{format}", experiment=CONFIG.experiment, format=["parquet", "csv"]),
        EXPLORER_FILES,
        TREND_FILES,
        CHOICE_FILES,
        SENSITIVITY_FILES,
        expand("results/{experiment}/methods.{format}", experiment=CONFIG.experiment, format=["parquet", "csv", "md"]),
        expand("results/{experiment}/record.json", experiment=CONFIG.experiment),
        TYPESET_FILES,


rule claims:
    """The paper's claims with their verdicts: claims.csv, claims.parquet."""
    input:
        expand("results/{experiment}/claims.{format}", experiment=CONFIG.experiment, format=["parquet", "csv"]),


rule figures:
    """All figures, each as PDF and PNG, with its numbers as CSV."""
    input:
        FIGURE_FILES,


rule tables:
    """Claims and settings as tables for a text, in Markdown, LaTeX and HTML."""
    input:
        TYPESET_FILES,


rule explorer:
    """The page to look around in: explorer.html."""
    input:
        EXPLORER_FILES,


rule films:
    """Masks over the rounds as films, for talks: films/*.gif, and .mp4 where ffmpeg is; not part of `all`."""
    input:
        FILM_FILES,


rule trends:
    """Where images have a dial from Gaussian to not: tests of the statistics' trends, trends.md."""
    input:
        TREND_FILES,


rule sensitivity:
    """Where choices are varied: the claims under each of them, sensitivity.csv, sensitivity.parquet."""
    input:
        SENSITIVITY_FILES,


rule methods:
    """The pruning methods side by side: methods.csv, methods.md, methods.parquet."""
    input:
        expand("results/{experiment}/methods.{format}", experiment=CONFIG.experiment, format=["parquet", "csv", "md"]),


# fig1, fig2 …: `snakemake fig4` makes figure 4 in both formats.
for figure in FIGURES:

    rule:
        name:
            figure
        input:
            expand(
                "results/{experiment}/figures/{figure}.{format}",
                experiment=CONFIG.experiment,
                figure=figure,
                format=FORMATS,
            ),

    describe_target(figure, FIGURE_SHOWS[figure])


rule help_targets:
    """This list."""
    message:
        targets_message()


onsuccess:
    end_progress()
    made = {
        "Figures": "figures/",
        "Claims": "claims.csv",
        "Films": "films/",
        "To look around, in a browser": "explorer.html",
    }
    for what, name in made.items():
        if Path(f"results/{CONFIG.experiment}/{name}").exists():
            print(f"{what}: results/{CONFIG.experiment}/{name}")
