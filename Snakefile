"""How pruning finds receptive fields: Redman, Wang, Ingrosso & Goldt (2024), reproduced and continued.

snakemake --cores 8          everything: statistics, claims, figures
snakemake --cores 8 fig4     one figure and only what it needs
snakemake --cores 8 explorer the page to look around in, and what it needs
"""

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
include: "workflow/rules/figures.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/record.smk"


rule all:
    default_target: True
    input:
        FIGURE_FILES,
        expand("results/{experiment}/{statistic}.parquet", experiment=CONFIG.experiment, statistic=STATISTICS),
        expand("results/{experiment}/claims.{format}", experiment=CONFIG.experiment, format=["parquet", "csv"]),
        EXPLORER_FILES,
        TREND_FILES,
        expand("results/{experiment}/methods.{format}", experiment=CONFIG.experiment, format=["parquet", "csv", "md"]),
        expand("results/{experiment}/record.json", experiment=CONFIG.experiment),
        TYPESET_FILES,


rule claims:
    input:
        expand("results/{experiment}/claims.{format}", experiment=CONFIG.experiment, format=["parquet", "csv"]),


rule tables:
    input:
        TYPESET_FILES,


rule explorer:
    input:
        EXPLORER_FILES,


rule trends:
    input:
        TREND_FILES,


rule methods:
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


onsuccess:
    print(f"Figures: results/{CONFIG.experiment}/figures/  Claims: results/{CONFIG.experiment}/claims.csv")
    if EXPLORER_FILES:
        print(f"To look around: open {EXPLORER_FILES[0]} in a browser")
