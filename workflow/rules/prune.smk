"""Dense training, rounds of iterative magnitude pruning, and the oneshot and random masks.

Needs: a dataset.
Makes: results/<experiment>/runs/<dataset>/seed<seed>/: dense/ with parameters and training curve, and of each method
the masks of all rounds.
"""


rule train_dense:
    """θ(t_rewind) and θ(T) of the dense network."""
    input:
        dataset="results/{experiment}/data/{dataset}",
    output:
        rewind="results/{experiment}/runs/{dataset}/seed{seed}/dense/rewind.safetensors",
        trained="results/{experiment}/runs/{dataset}/seed{seed}/dense/trained.safetensors",
        training="results/{experiment}/runs/{dataset}/seed{seed}/dense/training.parquet",
    log:
        "results/{experiment}/logs/train_dense/{dataset}_seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/train_dense/{dataset}_seed{seed}.tsv"
    conda:
        TRAINING_ENVIRONMENT
    threads: CONFIG.compute.training_threads
    resources:
        mem_mb=memory("train_dense"),
        runtime=minutes("train_dense"),
        gpu=TRAINING_GPUS,
        jobs_per_gpu=CONFIG.compute.jobs_per_gpu,
    params:
        network=CONFIG.network.model_dump(include={"hidden", "initial_weights"}),
        training=TRAINING,
        device=CONFIG.compute.device,
        version=VERSIONS["train_dense"],
    script:
        "../scripts/train_dense.py"


rule prune_imp_first_round:
    """m(1): round 1 shares the dense training."""
    input:
        rewind="results/{experiment}/runs/{dataset}/seed{seed}/dense/rewind.safetensors",
        trained="results/{experiment}/runs/{dataset}/seed{seed}/dense/trained.safetensors",
    output:
        mask="results/{experiment}/runs/{dataset}/seed{seed}/imp/round1/mask.safetensors",
    log:
        "results/{experiment}/logs/prune_imp_first_round/{dataset}_seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_imp_first_round/{dataset}_seed{seed}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("prune_imp_first_round"),
        runtime=minutes("prune_imp_first_round"),
    params:
        pruning=PRUNING,
        version=VERSIONS["prune_imp_first_round"],
    script:
        "../scripts/prune_imp_first_round.py"


rule prune_imp_round:
    """m(n) for n ≥ 2: rewind, train with m(n−1) held, remove the smallest parameters (Sec. 2.1)."""
    input:
        dataset="results/{experiment}/data/{dataset}",
        rewind="results/{experiment}/runs/{dataset}/seed{seed}/dense/rewind.safetensors",
        mask=previous_mask,
    output:
        mask="results/{experiment}/runs/{dataset}/seed{seed}/imp/round{round}/mask.safetensors",
        training="results/{experiment}/runs/{dataset}/seed{seed}/imp/round{round}/training.parquet",
    log:
        "results/{experiment}/logs/prune_imp_round/{dataset}_seed{seed}_round{round}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_imp_round/{dataset}_seed{seed}_round{round}.tsv"
    wildcard_constraints:
        round=r"[2-9]|[1-9]\d+",
    conda:
        TRAINING_ENVIRONMENT
    threads: CONFIG.compute.training_threads
    resources:
        mem_mb=memory("prune_imp_round"),
        runtime=minutes("prune_imp_round"),
        gpu=TRAINING_GPUS,
        jobs_per_gpu=CONFIG.compute.jobs_per_gpu,
    params:
        training=TRAINING,
        device=CONFIG.compute.device,
        pruning=PRUNING,
        version=VERSIONS["prune_imp_round"],
    script:
        "../scripts/prune_imp_round.py"


rule prune_oneshot:
    """Masks of a single cut of the dense θ(T), at every round's density."""
    input:
        rewind="results/{experiment}/runs/{dataset}/seed{seed}/dense/rewind.safetensors",
        trained="results/{experiment}/runs/{dataset}/seed{seed}/dense/trained.safetensors",
    output:
        masks=expand(
            "results/{experiment}/runs/{dataset}/seed{seed}/oneshot/round{round}/mask.safetensors",
            round=ROUNDS,
            allow_missing=True,
        ),
    log:
        "results/{experiment}/logs/prune_oneshot/{dataset}_seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_oneshot/{dataset}_seed{seed}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("prune_oneshot"),
        runtime=minutes("prune_oneshot"),
    params:
        rounds=ROUNDS,
        pruning=PRUNING,
        version=VERSIONS["prune_oneshot"],
    script:
        "../scripts/prune_oneshot.py"


rule prune_random:
    """Nested random masks with IMP's density, array by array, at every round."""
    input:
        masks=expand(
            "results/{experiment}/runs/{dataset}/seed{seed}/imp/round{round}/mask.safetensors",
            round=ROUNDS,
            allow_missing=True,
        ),
    output:
        masks=expand(
            "results/{experiment}/runs/{dataset}/seed{seed}/random/round{round}/mask.safetensors",
            round=ROUNDS,
            allow_missing=True,
        ),
    log:
        "results/{experiment}/logs/prune_random/{dataset}_seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_random/{dataset}_seed{seed}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("prune_random"),
        runtime=minutes("prune_random"),
    params:
        version=VERSIONS["prune_random"],
    script:
        "../scripts/prune_random.py"


rule retrain_pruned:
    """The training curve of θ(t_rewind) ⊙ m(n), for any method (setting `pruning.retrain_baselines`)."""
    input:
        dataset="results/{experiment}/data/{dataset}",
        rewind="results/{experiment}/runs/{dataset}/seed{seed}/dense/rewind.safetensors",
        mask="results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors",
    output:
        training="results/{experiment}/runs/{dataset}/seed{seed}/{method}/retrained/round{round}.parquet",
    log:
        "results/{experiment}/logs/retrain_pruned/{dataset}_seed{seed}_{method}_round{round}.log",
    benchmark:
        "results/{experiment}/benchmarks/retrain_pruned/{dataset}_seed{seed}_{method}_round{round}.tsv"
    conda:
        TRAINING_ENVIRONMENT
    threads: CONFIG.compute.training_threads
    resources:
        mem_mb=memory("retrain_pruned"),
        runtime=minutes("retrain_pruned"),
        gpu=TRAINING_GPUS,
        jobs_per_gpu=CONFIG.compute.jobs_per_gpu,
    params:
        training=TRAINING,
        device=CONFIG.compute.device,
        version=VERSIONS["retrain_pruned"],
    script:
        "../scripts/retrain_pruned.py"
