"""A number for every step whose results a change of the library can change.

The rules carry these numbers as parameters: raise one when the step's results change, and Snakemake runs the step and
what depends on it again.  A change that leaves the results as they are (speed, comments) raises none.
"""

VERSIONS: dict[str, int] = {
    "prepare_dataset": 2,
    "clone_gaussian": 2,
    "blend_dataset": 1,
    "train_dense": 4,
    "prune_imp_first_round": 2,
    "prune_imp_round": 4,
    "prune_oneshot": 2,
    "prune_oneshot_network": 2,
    "prune_at_start": 2,
    "prune_while_training": 2,
    "prune_random": 2,
    "prune_from_masks": 2,
    "reinitialise": 1,
    "retrain_pruned": 4,
    "measure_locality": 3,
    "measure_kurtosis": 4,
    "measure_participation": 1,
    "measure_positions": 1,
    "measure_nongaussianity": 1,
    "measure_cavity": 4,
    "measure_layers_locality": 1,
    "measure_layers_kurtosis": 1,
    "measure_layers_cavity": 1,
    "measure_layers_positions": 1,
    "measure_layers_nongaussianity": 1,
    "measure_cavity_example": 4,
    "measure_components": 3,
    "measure_details": 2,
    "gather_statistic": 1,
    "compare_methods": 2,
    "follow_dial": 1,
    "check_claims": 3,
    "plot_figures": 4,
    "make_explorer": 2,
    "make_film": 1,
    "typeset_tables": 2,
}
