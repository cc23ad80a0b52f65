"""What computed the results; and tables to read and to print, of that, of the settings and of the claims.

Needs: tables, claims, figures, the explorer, and the logs of all jobs.
Makes: results/<experiment>/record.json, and results/<experiment>/tables/ as Markdown, LaTeX and HTML.
"""

TYPESET = {
    "claims": "Claims",
    **({"sensitivity": "Claims"} if CHOICES else {}),
    "settings": "Settings",
    "versions": "Settings",
}
"""The tables, and where the report shows them."""
TYPESET_FILES = expand(
    "results/{experiment}/tables/{table}.{format}",
    experiment=CONFIG.experiment,
    table=TYPESET,
    format=["md", "tex", "html"],
)


rule record_run:
    """Configuration, code, packages, machines and devices of all that was computed: enough to repeat it."""
    input:
        tables=expand("results/{{experiment}}/{statistic}.parquet", statistic=STATISTICS),
        claims="results/{experiment}/claims.parquet",
        methods="results/{experiment}/methods.parquet",
        figures=FIGURE_FILES,
        explorer=EXPLORER_FILES,
        choices=CHOICE_FILES + SENSITIVITY_FILES,
    output:
        record="results/{experiment}/record.json",
    log:
        "results/{experiment}/logs/record_run/record.log",
    benchmark:
        "results/{experiment}/benchmarks/record_run/record.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("record_run"),
        runtime=minutes("record_run"),
    params:
        configuration=CONFIG.model_dump(mode="json", by_alias=True),
        logs="results/{experiment}/logs",
    script:
        "../scripts/record_run.py"


rule typeset_tables:
    """Claims, settings (in the form of Table S1) and versions as Markdown, LaTeX and HTML."""
    input:
        claims="results/{experiment}/claims.parquet",
        record="results/{experiment}/record.json",
        sensitivity=SENSITIVITY_TABLE,
        datasets=expand("results/{{experiment}}/data/{dataset}", dataset=CONFIG.datasets),
    output:
        **{
            f"{table}_{format}": f"results/{{experiment}}/tables/{table}.{format}"
            for table in TYPESET
            for format in ("md", "tex")
        },
        **{
            f"{table}_html": report(
                f"results/{{experiment}}/tables/{table}.html",
                caption=f"../report/{table}_table.rst",
                category=category,
                labels={"experiment": "{experiment}", "table": table},
            )
            for table, category in TYPESET.items()
        },
        quotes="results/{experiment}/tables/claims.rst",
    log:
        "results/{experiment}/logs/typeset_tables/tables.log",
    benchmark:
        "results/{experiment}/benchmarks/typeset_tables/tables.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("typeset_tables"),
        runtime=minutes("typeset_tables"),
    params:
        datasets=list(CONFIG.datasets),
        version=VERSIONS["typeset_tables"],
    script:
        "../scripts/typeset_tables.py"
