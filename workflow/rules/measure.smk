"""Statistics of masks, representations and data; their gathering; the claims.

Needs: masks of all rounds, θ(t_rewind), the validation images.
Makes: a table a run and statistic beside the masks; results/<experiment>/<statistic>.parquet, and claims.parquet.
"""


rule measure_locality:
    """Receptive-field widths (Eq. 1) and pair correlation of the first layer's masks, after every round."""
    input:
        dataset=images,
        masks=masks_of_rounds,
    output:
        units="results/{experiment}/runs/{dataset}/seed{seed}/{method}/locality.parquet",
        population="results/{experiment}/runs/{dataset}/seed{seed}/{method}/locality_population.parquet",
        pair_correlation="results/{experiment}/runs/{dataset}/seed{seed}/{method}/pair_correlation.parquet",
    log:
        "results/{experiment}/logs/measure_locality/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_locality/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_locality"),
        runtime=minutes("measure_locality"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        settings=locality_settings,
        version=VERSIONS["measure_locality"],
    script:
        "../scripts/measure_locality.py"


rule measure_kurtosis:
    """Kurtosis of the first layer's preactivations (Eq. 4), per unit and per class, after every round."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        by_unit="results/{experiment}/runs/{dataset}/seed{seed}/{method}/kurtosis_by_unit.parquet",
        by_class="results/{experiment}/runs/{dataset}/seed{seed}/{method}/kurtosis_by_class.parquet",
    log:
        "results/{experiment}/logs/measure_kurtosis/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_kurtosis/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_kurtosis"),
        runtime=minutes("measure_kurtosis"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        epsilon=norm_epsilon,
        version=VERSIONS["measure_kurtosis"],
    script:
        "../scripts/measure_kurtosis.py"


rule measure_participation:
    """Inverse participation ratio of the first layer's units, after every round."""
    input:
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        participation="results/{experiment}/runs/{dataset}/seed{seed}/{method}/participation.parquet",
    log:
        "results/{experiment}/logs/measure_participation/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_participation/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("measure_participation"),
        runtime=minutes("measure_participation"),
    params:
        version=VERSIONS["measure_participation"],
    script:
        "../scripts/measure_participation.py"


rule measure_positions:
    """Fan-in, entropy and variance of positions, and nearest distance of the first layer's units, after every round."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        positions="results/{experiment}/runs/{dataset}/seed{seed}/{method}/positions.parquet",
    log:
        "results/{experiment}/logs/measure_positions/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_positions/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("measure_positions"),
        runtime=minutes("measure_positions"),
    params:
        channels=locality_channels,
        version=VERSIONS["measure_positions"],
    script:
        "../scripts/measure_positions.py"


rule measure_nongaussianity:
    """Skewness, sixth cumulant and negentropy of the first layer's preactivations, after every round."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        by_unit="results/{experiment}/runs/{dataset}/seed{seed}/{method}/nongaussianity_by_unit.parquet",
        by_class="results/{experiment}/runs/{dataset}/seed{seed}/{method}/nongaussianity_by_class.parquet",
    log:
        "results/{experiment}/logs/measure_nongaussianity/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_nongaussianity/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_nongaussianity"),
        runtime=minutes("measure_nongaussianity"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        epsilon=norm_epsilon,
        version=VERSIONS["measure_nongaussianity"],
    script:
        "../scripts/measure_nongaussianity.py"


rule measure_cavity:
    """Cavity scores (Eqs. 5, 6) by the round of removal, after every round."""
    input:
        dataset=images,
        rewind=start_of,
        masks=masks_of_rounds,
    output:
        cavity="results/{experiment}/runs/{dataset}/seed{seed}/{method}/cavity.parquet",
    log:
        "results/{experiment}/logs/measure_cavity/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_cavity/{dataset}_seed{seed}_{method}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_cavity"),
        runtime=minutes("measure_cavity"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        epsilon=norm_epsilon,
        version=VERSIONS["measure_cavity"],
    script:
        "../scripts/measure_cavity.py"


rule measure_cavity_example:
    """One unit's preactivation with and without one weight: how a score comes about (Fig. 5A)."""
    input:
        dataset=images,
        rewind=dense("rewind"),
        mask=first_imp_mask,
    output:
        example="results/{experiment}/runs/{dataset}/seed{seed}/imp/cavity_example.parquet",
    log:
        "results/{experiment}/logs/measure_cavity_example/{dataset}_seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_cavity_example/{dataset}_seed{seed}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_cavity_example"),
        runtime=minutes("measure_cavity_example"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        epsilon=norm_epsilon,
        version=VERSIONS["measure_cavity_example"],
    script:
        "../scripts/measure_cavity_example.py"


rule measure_components:
    """PCA and ICA of the validation images (App. A)."""
    input:
        dataset=images,
    output:
        components="results/{experiment}/components/{dataset}.safetensors",
    log:
        "results/{experiment}/logs/measure_components/{dataset}.log",
    benchmark:
        "results/{experiment}/benchmarks/measure_components/{dataset}.tsv"
    conda:
        MEASURING_ENVIRONMENT
    threads: CONFIG.compute.measure_threads
    resources:
        mem_mb=memory("measure_components"),
        runtime=minutes("measure_components"),
        gpu=MEASURING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.measuring_device,
        settings=CONFIG.components.model_dump(),
        version=VERSIONS["measure_components"],
    script:
        "../scripts/measure_components.py"


rule gather_statistic:
    """One table of a statistic from the tables of all runs."""
    input:
        tables=gathered_tables,
    output:
        table="results/{experiment}/{statistic}.parquet",
    log:
        "results/{experiment}/logs/gather_statistic/{statistic}.log",
    benchmark:
        "results/{experiment}/benchmarks/gather_statistic/{statistic}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("gather_statistic"),
        runtime=minutes("gather_statistic"),
    params:
        version=VERSIONS["gather_statistic"],
    script:
        "../scripts/gather_statistic.py"


rule compare_methods:
    """The methods side by side, with their differences to IMP and to its shuffled masks, paired by seed."""
    input:
        locality="results/{experiment}/locality.parquet",
        pair_correlation="results/{experiment}/pair_correlation.parquet",
        participation="results/{experiment}/participation.parquet",
        kurtosis="results/{experiment}/kurtosis_by_class.parquet",
        training="results/{experiment}/training.parquet",
        cavity="results/{experiment}/cavity.parquet",
        # Where they are asked for.
        positions=further_table("positions"),
        nongaussianity=further_table("nongaussianity_by_class"),
        layers_locality=further_table("layers_locality"),
        layers_pair_correlation=further_table("layers_pair_correlation"),
        layers_kurtosis=further_table("layers_kurtosis_by_class"),
        layers_cavity=further_table("layers_cavity"),
        layers_positions=further_table("layers_positions"),
        layers_nongaussianity=further_table("layers_nongaussianity_by_class"),
    output:
        table="results/{experiment}/methods.parquet",
        csv=report(
            "results/{experiment}/methods.csv",
            caption="../report/methods.rst",
            category="Claims",
            labels={"experiment": "{experiment}", "table": "methods, as CSV"},
        ),
        markdown="results/{experiment}/methods.md",
    log:
        "results/{experiment}/logs/compare_methods/methods.log",
    benchmark:
        "results/{experiment}/benchmarks/compare_methods/methods.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("compare_methods"),
        runtime=minutes("compare_methods"),
    params:
        methods=METHODS,
        nested=NESTED,
        version=VERSIONS["compare_methods"],
    script:
        "../scripts/compare_methods.py"


rule follow_dial:
    """Dose and response: every statistic against the dial of the data, and a trend test of each curve."""
    input:
        methods="results/{experiment}/methods.parquet",
    output:
        responses="results/{experiment}/responses.parquet",
        trends="results/{experiment}/trends.parquet",
        markdown="results/{experiment}/trends.md",
    log:
        "results/{experiment}/logs/follow_dial/trends.log",
    benchmark:
        "results/{experiment}/benchmarks/follow_dial/trends.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("follow_dial"),
        runtime=minutes("follow_dial"),
    params:
        dials=CONFIG.dials,
        version=VERSIONS["follow_dial"],
    script:
        "../scripts/follow_dial.py"


rule check_claims:
    """The paper's statements as statistics with verdicts."""
    input:
        locality="results/{experiment}/locality.parquet",
        pair_correlation="results/{experiment}/pair_correlation.parquet",
        kurtosis="results/{experiment}/kurtosis_by_class.parquet",
        cavity="results/{experiment}/cavity.parquet",
    output:
        table="results/{experiment}/claims.parquet",
        summary=report(
            "results/{experiment}/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"experiment": "{experiment}", "table": "claims, as CSV"},
        ),
    log:
        "results/{experiment}/logs/check_claims/claims.log",
    benchmark:
        "results/{experiment}/benchmarks/check_claims/claims.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("check_claims"),
        runtime=minutes("check_claims"),
    params:
        datasets=list(CONFIG.datasets),
        clone_suffix=CLONE_SUFFIX,
        version=VERSIONS["check_claims"],
    script:
        "../scripts/check_claims.py"
