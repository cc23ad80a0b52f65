"""The cavity score as a cost: what the paper proposes under "future directions"."""

import numpy as np

from winnow.masks import prunable_names
from winnow.measure.cavity_scores import cavity_scores
from winnow.network import has_batch_norm, n_layers
from winnow.pruning.scored import ScoredNetwork
from winnow.store.tensors import Parameters


def cavity(network: ScoredNetwork, *, images: int) -> dict[str, np.ndarray]:
    """Minus the cavity score (Eq. 5): weights whose removal moves their unit furthest from a Gaussian go first.

    Each layer's scores are those of its own preactivations, at the rewind point, over training images.  A weight whose
    removal leaves its unit without variance has no score and goes last.

    Args:
        network: what is scored; batch norm takes its running statistics.
        images: training images over which the moments are taken.
    """
    return {name: last_where_missing(-scores) for name, scores in scores_by_layer(network, images).items()}


def scores_by_layer(network: ScoredNetwork, images: int, parameters: Parameters | None = None) -> dict[str, np.ndarray]:
    """Cavity scores of all prunable weights under the mask, (out, in) each; NaN where there is none.

    Args:
        network: whose mask and data are used.
        images: training images over which the moments are taken.
        parameters: where the scores are taken, what is pruned being zero; None: at the rewind point.
    """
    at = network.rewind if parameters is None else parameters
    rows = network.rows("cavity", images)
    x = network.dataset.prepare(network.dataset.train.images[rows])
    scores = {}
    for i in range(n_layers(at) - 1):
        weight, bias = at[f"layers.{i}.weight"], at[f"layers.{i}.bias"]
        y = _normalised(at, network.epsilon, i, x)
        mask = network.mask[f"layers.{i}.weight"]
        scores[f"layers.{i}.weight"] = cavity_scores(weight, mask, y, device=network.device)
        x = np.maximum(y @ weight.T + bias, 0)
    return {name: scores[name] for name in prunable_names(at) if name in scores}


def _normalised(parameters: Parameters, epsilon: float, i: int, x: np.ndarray) -> np.ndarray:
    """Batch norm of layer i's inputs in evaluation, in their precision; the inputs themselves where there is none."""
    if not has_batch_norm(parameters):
        return x
    gamma, beta, mean, var = (
        parameters[f"norms.{i}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(var + gamma.dtype.type(epsilon))
    normalised: np.ndarray = (x - mean) * scale + beta
    return normalised


def last_where_missing(scores: np.ndarray) -> np.ndarray:
    """Scores with something above all of them in the place of NaN: what has no score goes last."""
    known = scores[np.isfinite(scores)]
    return np.where(np.isfinite(scores), scores, known.max() + 1 if len(known) else 0.0)
