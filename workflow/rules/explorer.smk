"""The explorer: one page to look at masks, units and curves, which works from a disk.

Needs: masks of all methods of the shown seeds, θ(t_rewind), the validation images, and the gathered tables.
Makes: results/<experiment>/explorer.html, a still picture of it, and what it shows of single units beside the runs.
"""

# The page has a round for each weight, so that masks must be nested; and what it shows in detail is IMP's.
EXPLORED_METHODS = [method for method in ("imp", "oneshot", "random") if method in METHODS]
EXPLORED = [(dataset, seed) for dataset in CONFIG.all_datasets for seed in CONFIG.explorer_seeds]
EXPLORED_RUNS = [(dataset, method, seed) for dataset, seed in EXPLORED for method in EXPLORED_METHODS]
EXPLORER_FILES = expand("results/{experiment}/explorer.html", experiment=CONFIG.experiment) if "imp" in METHODS else []


rule measure_details:
    """Weights, histograms of preactivations and cavity scores (Eq. 5) of single units, for the explorer."""
    input:
        **{method: masks_of_method(method) for method in EXPLORED_METHODS},
        dataset=images,
        rewind=dense("rewind"),
        choice=mask_that_chooses,
    output:
        details="results/{experiment}/runs/{dataset}/seed{seed}/details.safetensors",
    log:
        "results/{experiment}/logs/measure_details/{dataset}_seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_details/{dataset}_seed{seed}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_details"),
        runtime=minutes("measure_details"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        epsilon=norm_epsilon,
        methods=EXPLORED_METHODS,
        units=CONFIG.explorer.units,
        version=VERSIONS["measure_details"],
    script:
        "../scripts/measure_details.py"


rule make_explorer:
    """The explorer: masks, units, curves and claims in one page, and a still picture that leads to it."""
    input:
        datasets=expand("results/{{experiment}}/data/{dataset}", dataset=CONFIG.all_datasets),
        masks=[
            f"results/{{experiment}}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors"
            for dataset, method, seed in EXPLORED_RUNS
            for round in ROUNDS
        ],
        details=[f"results/{{experiment}}/runs/{dataset}/seed{seed}/details.safetensors" for dataset, seed in EXPLORED],
        still_of=f"results/{{experiment}}/runs/{DATASET}/seed{CONFIG.explorer_seeds[0]}/imp/{LAST_MASK}",
        locality="results/{experiment}/locality.parquet",
        kurtosis_by_unit="results/{experiment}/kurtosis_by_unit.parquet",
        training="results/{experiment}/training.parquet",
        claims="results/{experiment}/claims.parquet",
    output:
        page="results/{experiment}/explorer.html",
        still=report(
            "results/{experiment}/explorer.png",
            caption="../report/explorer.rst",
            category="Explorer",
            labels={"experiment": "{experiment}", "page": "explorer.html"},
        ),
    log:
        "results/{experiment}/logs/make_explorer/explorer.log",
    benchmark:
        "results/{experiment}/benchmarks/make_explorer/explorer.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("make_explorer"),
        runtime=minutes("make_explorer"),
    params:
        runs=EXPLORED_RUNS,
        details=EXPLORED,
        datasets=CONFIG.all_datasets,
        rounds=len(ROUNDS),
        still_of=DATASET,
        clone_suffix=CLONE_SUFFIX,
        version=VERSIONS["make_explorer"],
    script:
        "../scripts/make_explorer.py"
