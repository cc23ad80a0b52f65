"""Datasets, their Gaussian clones, and blends of the two.

Needs: the user's images; nothing for synthetic images and bundled photographs.
Makes: results/<experiment>/data/<dataset>/, and of a clone its certificate.
"""


rule prepare_dataset:
    """Images and labels of a source, in the one on-disk form."""
    input:
        files=source_files,
    output:
        dataset=directory("results/{experiment}/data/{dataset}"),
    log:
        "results/{experiment}/logs/prepare_dataset/{dataset}.log",
    benchmark:
        "results/{experiment}/benchmarks/prepare_dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(PREPARED),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare_dataset"),
        runtime=minutes("prepare_dataset"),
    params:
        settings=dataset_settings,
        version=VERSIONS["prepare_dataset"],
    script:
        "../scripts/prepare_dataset.py"


rule blend_dataset:
    """Images blended with their own Gaussian clone, at one mean and covariance of each class."""
    input:
        unpack(blended),
    output:
        dataset=directory("results/{experiment}/data/{dataset}"),
    log:
        "results/{experiment}/logs/blend_dataset/{dataset}.log",
    benchmark:
        "results/{experiment}/benchmarks/blend_dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(CONFIG.blends) or "(?!)",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("blend_dataset"),
        runtime=minutes("blend_dataset"),
    params:
        clone_share=clone_share,
        version=VERSIONS["blend_dataset"],
    script:
        "../scripts/blend_dataset.py"


rule clone_gaussian:
    """Images with the mean and covariance of each class and no higher cumulant (App. B.1), with their certificate."""
    input:
        dataset="results/{experiment}/data/{dataset}",
    output:
        dataset=directory("results/{experiment}/data/{dataset}-clone"),
        certificate="results/{experiment}/certificates/{dataset}-clone.parquet",
        summary=report(
            "results/{experiment}/certificates/{dataset}-clone.csv",
            caption="../report/certificate.rst",
            category="Data",
            labels={"experiment": "{experiment}", "certificate of the clone of": "{dataset}"},
        ),
    log:
        "results/{experiment}/logs/clone_gaussian/{dataset}.log",
    benchmark:
        "results/{experiment}/benchmarks/clone_gaussian/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(CLONED) or "(?!)",
    # First in line: jobs of one thread would keep it, and all that is done with the clone, waiting.
    priority: 1
    conda:
        "../../envs/analysis.yaml"
    threads: 2
    resources:
        mem_mb=memory("clone_gaussian"),
        runtime=minutes("clone_gaussian"),
    params:
        settings=clone_settings,
        version=VERSIONS["clone_gaussian"],
    script:
        "../scripts/clone_gaussian.py"


use rule clone_gaussian as clone_once_more with:
    """One more clone of a dataset, or a control of another kind, as a dataset of its own."""
    input:
        dataset=cloned,
    output:
        dataset=directory("results/{experiment}/data/{dataset}"),
        certificate="results/{experiment}/certificates/{dataset}.parquet",
        summary=report(
            "results/{experiment}/certificates/{dataset}.csv",
            caption="../report/certificate.rst",
            category="Data",
            labels={"experiment": "{experiment}", "certificate of the clone of": "{dataset}"},
        ),
    log:
        "results/{experiment}/logs/clone_once_more/{dataset}.log",
    benchmark:
        "results/{experiment}/benchmarks/clone_once_more/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(CONFIG.clones) or "(?!)",
    params:
        settings=more_clone_settings,
