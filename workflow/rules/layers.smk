"""Statistics of deeper layers, where they are asked for (setting `measure.layers`).

Needs: masks of all rounds, θ(t_rewind), the validation images.
Makes: a table a run and statistic beside the masks, with a column `layer`.
"""


rule measure_layers_locality:
    """Effective receptive fields: reach, widths, pair correlation, participation of deeper layers' units."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        units="results/{experiment}/runs/{dataset}/seed{seed}/{method}/layers_locality.parquet",
        pair_correlation="results/{experiment}/runs/{dataset}/seed{seed}/{method}/layers_pair_correlation.parquet",
    log:
        "results/{experiment}/logs/measure_layers_locality/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_layers_locality/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_layers_locality"),
        runtime=minutes("measure_layers_locality"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        layers=CONFIG.measure.layers,
        settings=locality_settings,
        version=VERSIONS["measure_layers_locality"],
    script:
        "../scripts/measure_layers_locality.py"


rule measure_layers_kurtosis:
    """Kurtosis of deeper layers' preactivations (Eq. 4), per unit and per class, after every round."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        by_unit="results/{experiment}/runs/{dataset}/seed{seed}/{method}/layers_kurtosis_by_unit.parquet",
        by_class="results/{experiment}/runs/{dataset}/seed{seed}/{method}/layers_kurtosis_by_class.parquet",
    log:
        "results/{experiment}/logs/measure_layers_kurtosis/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_layers_kurtosis/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_layers_kurtosis"),
        runtime=minutes("measure_layers_kurtosis"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        layers=CONFIG.measure.layers,
        epsilon=norm_epsilon,
        version=VERSIONS["measure_layers_kurtosis"],
    script:
        "../scripts/measure_layers_kurtosis.py"


rule measure_layers_cavity:
    """Cavity scores (Eqs. 5, 6) of deeper layers' weights by the round of removal, after every round."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        cavity="results/{experiment}/runs/{dataset}/seed{seed}/{method}/layers_cavity.parquet",
    log:
        "results/{experiment}/logs/measure_layers_cavity/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_layers_cavity/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_layers_cavity"),
        runtime=minutes("measure_layers_cavity"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        layers=CONFIG.measure.layers,
        epsilon=norm_epsilon,
        version=VERSIONS["measure_layers_cavity"],
    script:
        "../scripts/measure_layers_cavity.py"


rule measure_layers_positions:
    """Entropy and variance of positions, nearest distance of deeper units' effective receptive fields."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        positions="results/{experiment}/runs/{dataset}/seed{seed}/{method}/layers_positions.parquet",
    log:
        "results/{experiment}/logs/measure_layers_positions/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_layers_positions/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("measure_layers_positions"),
        runtime=minutes("measure_layers_positions"),
    params:
        layers=CONFIG.measure.layers,
        channels=locality_channels,
        version=VERSIONS["measure_layers_positions"],
    script:
        "../scripts/measure_layers_positions.py"


rule measure_layers_nongaussianity:
    """Skewness, sixth cumulant and negentropy of deeper layers' preactivations, after every round."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        by_unit="results/{experiment}/runs/{dataset}/seed{seed}/{method}/layers_nongaussianity_by_unit.parquet",
        by_class="results/{experiment}/runs/{dataset}/seed{seed}/{method}/layers_nongaussianity_by_class.parquet",
    log:
        "results/{experiment}/logs/measure_layers_nongaussianity/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_layers_nongaussianity/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_layers_nongaussianity"),
        runtime=minutes("measure_layers_nongaussianity"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        layers=CONFIG.measure.layers,
        epsilon=norm_epsilon,
        version=VERSIONS["measure_layers_nongaussianity"],
    script:
        "../scripts/measure_layers_nongaussianity.py"
