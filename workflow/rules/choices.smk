"""Sensitivity: the claims under choices that are varied one at a time (setting `choices`).

Needs: tables of the runs under each choice, which the rules of all runs make; claims.
Makes: results/<experiment>/choices/<statistic>.parquet and its claims.parquet; sensitivity.parquet and sensitivity.csv.
Nothing where no choice is varied.
"""

# What the claims are made of, and what comes with it; all other statistics under the choices are made when asked for.
CHOICE_STATISTICS = [
    "locality",
    "locality_population",
    "pair_correlation",
    "kurtosis_by_unit",
    "kurtosis_by_class",
    "cavity",
    "training",
]
CHOICE_FILES = (
    expand(
        "results/{experiment}/choices/{statistic}.parquet", experiment=CONFIG.experiment, statistic=CHOICE_STATISTICS
    )
    if CHOICES
    else []
)
SENSITIVITY_FILES = (
    expand("results/{experiment}/sensitivity.{format}", experiment=CONFIG.experiment, format=["parquet", "csv"])
    if CHOICES
    else []
)
SENSITIVITY_TABLE = "results/{experiment}/sensitivity.parquet" if CHOICES else []


rule gather_choices:
    """One table of a statistic for all choices; of what a choice leaves as it is, the experiment's own, renamed."""
    input:
        tables=varied_tables,
    output:
        table="results/{experiment}/choices/{statistic}.parquet",
    log:
        "results/{experiment}/logs/gather_choices/{statistic}.log",
    benchmark:
        "results/{experiment}/benchmarks/gather_choices/{statistic}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("gather_choices"),
        runtime=minutes("gather_choices"),
    params:
        datasets=varied_names,
        version=VERSIONS["gather_choices"],
    script:
        "../scripts/gather_choices.py"


use rule check_claims as check_claims_of_choices with:
    """The paper's statements under each choice."""
    input:
        locality="results/{experiment}/choices/locality.parquet",
        pair_correlation="results/{experiment}/choices/pair_correlation.parquet",
        kurtosis="results/{experiment}/choices/kurtosis_by_class.parquet",
        cavity="results/{experiment}/choices/cavity.parquet",
    output:
        table="results/{experiment}/choices/claims.parquet",
        summary="results/{experiment}/choices/claims.csv",
    log:
        "results/{experiment}/logs/check_claims_of_choices/claims.log",
    benchmark:
        "results/{experiment}/benchmarks/check_claims_of_choices/claims.tsv"
    params:
        datasets=[names[0] for names in CONFIG.varied.values()],


rule compare_choices:
    """Each claim's effect and verdict under each choice, and the difference to the experiment's own, paired by seed."""
    input:
        claims="results/{experiment}/claims.parquet",
        of_choices="results/{experiment}/choices/claims.parquet",
    output:
        table="results/{experiment}/sensitivity.parquet",
        summary=report(
            "results/{experiment}/sensitivity.csv",
            caption="../report/sensitivity.rst",
            category="Claims",
            labels={"experiment": "{experiment}", "table": "sensitivity, as CSV"},
        ),
    log:
        "results/{experiment}/logs/compare_choices/sensitivity.log",
    benchmark:
        "results/{experiment}/benchmarks/compare_choices/sensitivity.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("compare_choices"),
        runtime=minutes("compare_choices"),
    params:
        dataset=CONFIG.figure_dataset,
        choices={choice: names[0] for choice, names in CONFIG.varied.items()},
        changes={choice: CONFIG.changes(choice) for choice in CHOICES},
        version=VERSIONS["compare_choices"],
    script:
        "../scripts/compare_choices.py"
