"""What computed the results.

Needs: tables, claims, figures, the explorer, and the logs of all jobs.
Makes: results/<experiment>/record.json.
"""


rule record_run:
    """Configuration, code, packages, machines and devices of all that was computed: enough to repeat it."""
    input:
        tables=expand("results/{{experiment}}/{statistic}.parquet", statistic=STATISTICS),
        claims="results/{experiment}/claims.parquet",
        methods="results/{experiment}/methods.parquet",
        figures=FIGURE_FILES,
        explorer=EXPLORER_FILES,
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
