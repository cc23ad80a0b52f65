"""Dense training, and the masks of all methods: a rule or two for each procedure, in which the method is a wildcard.

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
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        network=INITIAL,
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
        mask="results/{experiment}/runs/{dataset}/seed{seed}/{method}/round1/mask.safetensors",
    log:
        "results/{experiment}/logs/prune_imp_first_round/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_imp_first_round/{dataset}_seed{seed}_{method}.tsv"
    wildcard_constraints:
        method=of_procedure("iterate", scored=False),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("prune_imp_first_round"),
        runtime=minutes("prune_imp_first_round"),
    params:
        pruning=pruning_settings,
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
        mask="results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors",
        training="results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/training.parquet",
    log:
        "results/{experiment}/logs/prune_imp_round/{dataset}_seed{seed}_{method}_round{round}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_imp_round/{dataset}_seed{seed}_{method}_round{round}.tsv"
    wildcard_constraints:
        method=of_procedure("iterate"),
        round=r"[2-9]|[1-9]\d+",
    conda:
        TRAINING_ENVIRONMENT
    threads: CONFIG.compute.training_threads
    resources:
        mem_mb=memory("prune_imp_round"),
        runtime=minutes("prune_imp_round"),
        gpu=TRAINING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        training=TRAINING,
        device=CONFIG.compute.device,
        pruning=pruning_settings,
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
            "results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors",
            round=ROUNDS,
            allow_missing=True,
        ),
    log:
        "results/{experiment}/logs/prune_oneshot/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_oneshot/{dataset}_seed{seed}_{method}.tsv"
    wildcard_constraints:
        method=of_procedure("oneshot", scored=False),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("prune_oneshot"),
        runtime=minutes("prune_oneshot"),
    params:
        rounds=ROUNDS,
        pruning=pruning_settings,
        version=VERSIONS["prune_oneshot"],
    script:
        "../scripts/prune_oneshot.py"


rule prune_oneshot_network:
    """Masks of a single cut of the dense θ(T) by scores of network and data, at every round's density."""
    input:
        dataset="results/{experiment}/data/{dataset}",
        rewind="results/{experiment}/runs/{dataset}/seed{seed}/dense/rewind.safetensors",
        trained="results/{experiment}/runs/{dataset}/seed{seed}/dense/trained.safetensors",
    output:
        masks=expand(
            "results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors",
            round=ROUNDS,
            allow_missing=True,
        ),
    log:
        "results/{experiment}/logs/prune_oneshot_network/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_oneshot_network/{dataset}_seed{seed}_{method}.tsv"
    wildcard_constraints:
        method=of_procedure("oneshot", scored=True),
    conda:
        TRAINING_ENVIRONMENT
    threads: CONFIG.compute.training_threads
    resources:
        mem_mb=memory("prune_oneshot_network"),
        runtime=minutes("prune_oneshot_network"),
        gpu=TRAINING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.device,
        epsilon=CONFIG.network.norm_epsilon,
        pruning=pruning_settings,
        rounds=ROUNDS,
        version=VERSIONS["prune_oneshot_network"],
    script:
        "../scripts/prune_oneshot_network.py"


use rule prune_oneshot_network as prune_first_round_network with:
    """m(1) of iterative pruning by scores of network and data: round 1 shares the dense training."""
    output:
        masks=["results/{experiment}/runs/{dataset}/seed{seed}/{method}/round1/mask.safetensors"],
    log:
        "results/{experiment}/logs/prune_first_round_network/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_first_round_network/{dataset}_seed{seed}_{method}.tsv"
    wildcard_constraints:
        method=of_procedure("iterate", scored=True),
    params:
        rounds=[1],


rule prune_at_start:
    """Masks of a network that has hardly learned, or not at all, at every round's density."""
    input:
        dataset="results/{experiment}/data/{dataset}",
        rewind=start_parameters,
    output:
        masks=expand(
            "results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors",
            round=ROUNDS,
            allow_missing=True,
        ),
    log:
        "results/{experiment}/logs/prune_at_start/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_at_start/{dataset}_seed{seed}_{method}.tsv"
    wildcard_constraints:
        method=of_procedure("at_start"),
    conda:
        TRAINING_ENVIRONMENT
    threads: CONFIG.compute.training_threads
    resources:
        mem_mb=memory("prune_at_start"),
        runtime=minutes("prune_at_start"),
        gpu=TRAINING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.device,
        epsilon=CONFIG.network.norm_epsilon,
        initial=start_network,
        pruning=pruning_settings,
        rounds=ROUNDS,
        start=start_settings,
        version=VERSIONS["prune_at_start"],
    script:
        "../scripts/prune_at_start.py"


rule prune_while_training:
    """A mask that moves while the network learns, a training for each density."""
    input:
        dataset="results/{experiment}/data/{dataset}",
    output:
        mask="results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors",
        training="results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/training.parquet",
    log:
        "results/{experiment}/logs/prune_while_training/{dataset}_seed{seed}_{method}_round{round}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_while_training/{dataset}_seed{seed}_{method}_round{round}.tsv"
    wildcard_constraints:
        method=of_procedure("while_training"),
    conda:
        TRAINING_ENVIRONMENT
    threads: CONFIG.compute.training_threads
    resources:
        mem_mb=memory("prune_while_training"),
        runtime=minutes("prune_while_training"),
        gpu=TRAINING_GPUS,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        device=CONFIG.compute.device,
        network=INITIAL,
        pruning=pruning_settings,
        training=TRAINING,
        version=VERSIONS["prune_while_training"],
    script:
        "../scripts/prune_while_training.py"


rule prune_random:
    """Nested random masks with the density of IMP's, or another method's, array by array, at every round."""
    input:
        masks=source_masks,
    output:
        masks=expand(
            "results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors",
            round=ROUNDS,
            allow_missing=True,
        ),
    log:
        "results/{experiment}/logs/prune_random/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_random/{dataset}_seed{seed}_{method}.tsv"
    wildcard_constraints:
        method=of_maker("random"),
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


rule prune_from_masks:
    """Masks made of another method's: shuffled, on other weights, or random ones that were chosen."""
    input:
        dataset="results/{experiment}/data/{dataset}",
        masks=source_masks,
        rewind="results/{experiment}/runs/{dataset}/seed{seed}/dense/rewind.safetensors",
    output:
        masks=expand(
            "results/{experiment}/runs/{dataset}/seed{seed}/{method}/round{round}/mask.safetensors",
            round=ROUNDS,
            allow_missing=True,
        ),
    log:
        "results/{experiment}/logs/prune_from_masks/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/prune_from_masks/{dataset}_seed{seed}_{method}.tsv"
    wildcard_constraints:
        method=of_maker(*(maker for maker in MAKERS if maker != "random")),
    conda:
        TRAINING_ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("prune_from_masks"),
        runtime=minutes("prune_from_masks"),
    params:
        epsilon=CONFIG.network.norm_epsilon,
        making=making,
        version=VERSIONS["prune_from_masks"],
    script:
        "../scripts/prune_from_masks.py"


rule reinitialise:
    """Other initial weights, for masks that were found with those of the run."""
    input:
        rewind="results/{experiment}/runs/{dataset}/seed{seed}/dense/rewind.safetensors",
    output:
        start="results/{experiment}/runs/{dataset}/seed{seed}/{method}/start.safetensors",
    log:
        "results/{experiment}/logs/reinitialise/{dataset}_seed{seed}_{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/reinitialise/{dataset}_seed{seed}_{method}.tsv"
    wildcard_constraints:
        method=of_maker("reinitialised"),
    conda:
        TRAINING_ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("reinitialise"),
        runtime=minutes("reinitialise"),
    params:
        initial_weights=CONFIG.network.initial_weights,
        version=VERSIONS["reinitialise"],
    script:
        "../scripts/reinitialise.py"


rule retrain_pruned:
    """The training curve of θ(t_rewind) ⊙ m(n), for any method (setting `pruning.retrain_baselines`)."""
    input:
        dataset="results/{experiment}/data/{dataset}",
        rewind=start_of,
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
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        training=TRAINING,
        device=CONFIG.compute.device,
        version=VERSIONS["retrain_pruned"],
    script:
        "../scripts/retrain_pruned.py"
