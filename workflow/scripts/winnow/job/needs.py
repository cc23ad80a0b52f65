"""The memory and time that a job is given, from the size of the experiment.

A cluster ends a job that takes more than it asked for, and lets one wait that asks for more than it needs.  The numbers
below are of the paper's size (3072:1024:1024:1000, 50,000 validation images): memory as measured there, rounded up
(docs/performance.md); time derived from the number of multiplications at `RATE`, some five times what was measured on
one thread.  Smaller experiments ask for as much memory, which is little; larger ones for more, in proportion.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

RATE = {"cpu": 20e9, "cuda": 200e9}
"""Floating-point operations per second counted on; on a GPU derived, not measured."""

VALIDATION_IMAGES = 50_000
"""Validation images counted on: ImageNet32's."""

MEMORY_MB = {
    "prepare_dataset": 2000,
    "clone_gaussian": 1500,
    "blend_dataset": 1500,
    "train_dense": 2000,
    "prune_imp_first_round": 500,
    "prune_imp_round": 2000,
    "prune_oneshot": 500,
    "prune_oneshot_network": 2000,
    "prune_at_start": 2000,
    "prune_while_training": 2500,
    "prune_random": 500,
    "prune_from_masks": 1500,
    "reinitialise": 500,
    "retrain_pruned": 2000,
    "measure_locality": 1000,
    "measure_kurtosis": 1500,
    "measure_participation": 500,
    "measure_positions": 1000,
    "measure_nongaussianity": 1500,
    "measure_cavity": 2000,
    "measure_cavity_example": 2000,
    # Of layers, derived, not measured: what the first layer takes, and 4 bytes for each validation image and unit of
    # two layers, or a few matrices of paths.
    "measure_layers_locality": 1500,
    "measure_layers_kurtosis": 2000,
    "measure_layers_cavity": 2500,
    "measure_layers_positions": 1500,
    "measure_layers_nongaussianity": 2000,
    "measure_components": 2000,
    "measure_details": 2000,
    "gather_statistic": 1000,
    "gather_choices": 1000,
    "compare_choices": 500,
    "compare_methods": 1500,
    "follow_dial": 1000,
    "check_claims": 1000,
    "plot_figures": 1000,
    "make_explorer": 1000,
    "make_film": 1000,
    "record_run": 1000,
    "typeset_tables": 1000,
}
"""Memory of a job of each step at the paper's size, in MB."""

MOST_JOBS_PER_GPU = 4
"""Jobs that share a GPU where nothing else is set, at most.

A round of the paper's size is derived to take a GPU 1.5 to 3 s.  Before it a job starts (Python, PyTorch, CUDA, images
to the device, capture of the graph), which takes processors and the bus some 5 s (derived too: 2 to 3 s of it were
measured on processors), and after it prunes and writes.  While one trains, two or three others start: four keep the GPU
busy.  More would only take turns on it, as kernels of different processes do not run together.
"""

GPU_MB = 2400
"""GPU memory of a job without its images, in MB: what the engine leaves free beside them (2 GiB), and CUDA's own."""

MOST_IMAGES = 1_331_167
"""Images counted on where the settings do not tell how many there are: ImageNet32's."""

_PAPER_INPUTS, _PAPER_PARAMETERS, _PAPER_ROWS = 3072, 5_221_352, 18 * 11 * 1024
_BY_INPUTS = {"prepare_dataset", "clone_gaussian", "blend_dataset", "measure_components"}
_BY_ROWS = {
    "gather_statistic",
    "gather_choices",
    "compare_methods",
    "follow_dial",
    "check_claims",
    "plot_figures",
    "make_explorer",
    "record_run",
}
_TRAINING = {"train_dense", "prune_imp_round", "prune_while_training", "retrain_pruned"}


@dataclass(frozen=True)
class Size:
    """What memory and time of an experiment's jobs depend on.

    Attributes:
        n_inputs: numbers in an image: D.
        hidden: units of each hidden layer.
        n_classes: an upper estimate of the classes.
        steps: SGD steps of a training.
        batch: images a step.
        rounds: rounds of pruning.
        runs: tables that are gathered: datasets × seeds × methods.
        layers: hidden layers that are measured, 1 the first.
    """

    n_inputs: int
    hidden: tuple[int, ...]
    n_classes: int
    steps: int
    batch: int
    rounds: int
    runs: int
    layers: tuple[int, ...] = (1,)

    @property
    def n_parameters(self) -> int:
        """Weights and biases of the network."""
        sizes = (self.n_inputs, *self.hidden, self.n_classes)
        return sum((n + 1) * m for n, m in itertools.pairwise(sizes))

    @property
    def n_rows(self) -> int:
        """Rows of the largest table: one a unit."""
        return self.runs * (self.rounds + 1) * max(self.hidden[0], sum(self.hidden[layer - 1] for layer in self.layers))

    @property
    def n_measured(self) -> int:
        """Weights and biases from the inputs to the deepest layer that is measured."""
        sizes = (self.n_inputs, *self.hidden[: max(self.layers)])
        return sum((n + 1) * m for n, m in itertools.pairwise(sizes))


def memory_mb(step: str, size: Size, attempt: int = 1) -> int:
    """Memory of a job.

    Args:
        step: name of the rule; `plot_figures` for figures.
        size: of the experiment.
        attempt: 1 for the first try; each further one gets as much again.

    Returns:
        MB.
    """
    if step in _BY_INPUTS:  # covariances: D × D
        times_paper = (size.n_inputs / _PAPER_INPUTS) ** 2
    elif step in _BY_ROWS:
        times_paper = size.n_rows / _PAPER_ROWS
    else:
        times_paper = size.n_parameters / _PAPER_PARAMETERS
    return ceil(MEMORY_MB[step] * max(1.0, times_paper)) * attempt


def minutes(step: str, size: Size, attempt: int = 1, device: str = "cpu") -> int:
    """Time limit of a job; arguments as in `memory_mb`.

    Args:
        step: as there.
        size: as there.
        attempt: as there.
        device: where it trains: `cuda` if it surely is a GPU, else `cpu`.

    Returns:
        Minutes.
    """
    first_layer = (size.n_inputs + 1) * size.hidden[0]
    products = VALIDATION_IMAGES * 2 * first_layer * (size.rounds + 1)
    of_layers = VALIDATION_IMAGES * 2 * size.n_measured * (size.rounds + 1)
    chains = 2 * size.n_inputs * size.n_measured * (size.rounds + 1)  # products of masks, and of weights
    operations = {
        # forward, gradient of the inputs, gradient of the weights: two operations a parameter each
        **dict.fromkeys(_TRAINING, (training := 6 * size.n_parameters * size.batch * size.steps)),
        "prune_while_training": 5 * training,  # a density may have to be sought
        "measure_kurtosis": products,
        "measure_nongaussianity": 3 * products,  # two passes, and exponentials
        # cavity scores of each round, or up to a hundred passes through all parameters a round
        "prune_oneshot_network": 5 * products,
        "prune_at_start": 5 * products + 2000 * size.n_parameters * size.rounds,
        "prune_from_masks": 10 * products,
        "measure_cavity": 5 * products,
        "measure_cavity_example": products,
        # activations of the layers below once more, beside what the statistic itself takes
        "measure_layers_kurtosis": 2 * of_layers,
        "measure_layers_nongaussianity": 4 * of_layers,
        "measure_layers_cavity": 6 * of_layers,
        "measure_layers_locality": 4 * chains,
        "measure_layers_positions": 4 * chains,
        "measure_details": products,
        "measure_components": VALIDATION_IMAGES * 4 * size.n_inputs**2,
        "clone_gaussian": size.n_classes * 4000 * size.n_inputs**2,
        "prepare_dataset": 1000 * VALIDATION_IMAGES * size.n_inputs,  # reading and resizing, not multiplying
    }.get(step, 0)
    return ceil(10 + operations / RATE[device if step in _TRAINING else "cpu"] / 60) * attempt


def jobs_per_gpu(memory_mb: int | None, images: Iterable[tuple[float, int]]) -> int:
    """Jobs that may share a GPU, so that all have room for their images there.

    A job keeps all images of its dataset on the GPU if they fit; else it sends them as it goes, which is slower.

    Args:
        memory_mb: the memory of the smallest GPU in MB; None: not known.
        images: for each dataset how many images there are at most, and numbers in an image; float32, as a clone's are.

    Returns:
        1 where the memory is not known, `MOST_JOBS_PER_GPU` at most.
    """
    if memory_mb is None:
        return 1
    most = max((4 * n_inputs * min(n, MOST_IMAGES) for n, n_inputs in images), default=0)
    return int(min(max(memory_mb // (GPU_MB + ceil(most / 1e6)), 1), MOST_JOBS_PER_GPU))
