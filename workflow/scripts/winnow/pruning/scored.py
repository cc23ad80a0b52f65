"""A network and data, as criteria of the interface `network` are given them, and their scores."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from winnow.job.devices import Device
from winnow.masks import PruningError, apply_mask, prunable_names
from winnow.pruning.criteria.registry import CRITERIA, Setting, defaults, load_network_criterion
from winnow.pruning.scores import score_parameters
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoredNetwork:
    """What a criterion of network and data looks at.

    Attributes:
        parameters: θ ⊙ m, the values that are scored: before training, or after it.
        rewind: θ(t_rewind) ⊙ m; before training the same.
        mask: m; what is pruned needs no score.
        dataset: criteria look at its training images.
        seed: of the run: which images are drawn depends on it.
        epsilon: ε of batch norm.
        device: where to compute.
    """

    parameters: Parameters
    rewind: Parameters
    mask: Mask
    dataset: Dataset
    seed: int
    epsilon: float = 1e-5
    device: Device = "cpu"

    def rows(self, purpose: str, images: int, per_class: int = 0) -> np.ndarray:
        """Training images drawn without replacement, the same ones for one purpose and seed.

        Args:
            purpose: what they are for.
            images: how many; all where there are fewer.
            per_class: so many of each class instead, where it is not 0.

        Returns:
            (n,) int64, sorted: images that lie close are read faster.
        """
        labels = np.asarray(self.dataset.train.labels)
        draw = stream("scored images", purpose, self.seed)
        order = draw.permutation(len(labels))
        if per_class:
            by_class = order[np.argsort(labels[order], kind="stable")]
            starts = np.searchsorted(labels[by_class], np.arange(len(self.dataset.classes)))
            place = np.arange(len(by_class)) - starts[labels[by_class]]
            return np.sort(by_class[place < per_class])
        return np.sort(order[:images])

    def sample(self, purpose: str, images: int) -> Dataset:
        """The dataset with some of its training images as validation images, for the statistics that look at those."""
        rows, train = self.rows(purpose, images), self.dataset.train
        return replace(self.dataset, validation=Split(np.asarray(train.images[rows]), np.asarray(train.labels[rows])))


def score_network(
    network: ScoredNetwork, criterion: str, of_criterion: Mapping[str, Setting] | None = None
) -> dict[str, np.ndarray]:
    """The criterion's scores of a network, whatever the criterion's interface.

    Args:
        network: what is scored.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`, of parameters or of a network.
        of_criterion: the criterion's own settings, those that differ from its defaults.

    Raises:
        PruningError: the criterion gives scores to what is not prunable.
    """
    known = CRITERIA[criterion]
    if known.interface == "parameters":
        return score_parameters(rewind=network.rewind, trained=network.parameters, criterion=criterion)
    scores = load_network_criterion(criterion)(network, **{**defaults(known.settings), **(of_criterion or {})})
    if foreign := sorted(scores.keys() - set(prunable_names(network.parameters))):
        raise PruningError(f"the criterion {criterion} scores what is not pruned: {', '.join(foreign)}")
    return scores


def masked(
    parameters: Parameters,
    rewind: Parameters,
    mask: Mask,
    dataset: Dataset,
    *,
    seed: int,
    epsilon: float,
    device: Device,
) -> ScoredNetwork:
    """A network under a mask, ready to be scored.

    Raises:
        PruningError: the mask is not one of these parameters.
    """
    return ScoredNetwork(apply_mask(parameters, mask), apply_mask(rewind, mask), mask, dataset, seed, epsilon, device)
