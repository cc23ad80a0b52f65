"""A number for every step whose results a change of the library can change.

The rules carry these numbers as parameters: raise one when the step's results change, and Snakemake runs the step and
what depends on it again.  A change that leaves the results as they are (speed, comments) raises none.
"""

VERSIONS: dict[str, int] = {
    "prepare_dataset": 1,
    "clone_gaussian": 1,
    "train_dense": 2,
    "prune_imp_first_round": 1,
    "prune_imp_round": 2,
    "prune_oneshot": 1,
    "prune_random": 1,
    "retrain_pruned": 2,
    "measure_locality": 1,
    "measure_kurtosis": 2,
    "measure_cavity": 2,
    "measure_cavity_example": 2,
    "measure_components": 2,
    "check_claims": 1,
    "plot_figures": 1,
}
