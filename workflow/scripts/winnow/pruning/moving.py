"""Masks that move while the network learns: weights are dropped and others grown, their number stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import cos, pi

import numpy as np

from winnow.job.devices import Device
from winnow.masks import full_mask
from winnow.pruning.criteria.registry import Pool, load_moving_criterion
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream
from winnow.training.engine import Engine
from winnow.training.gradients import DenseGradient, dense_gradient


@dataclass(frozen=True)
class Schedule:
    """When a mask moves, and how far.

    Attributes:
        steps: T, of the training.
        every: steps between two updates.
        drop: share of a layer's weights that an update drops, at first.
        until: share of the training after which there is none.
        decay: `cosine`: drop / 2 · (1 + cos(π t / T_end)); `none`: always `drop`.
        instead_of_step: whether an update takes the place of a step of SGD, or comes before one.
        regrown: a weight that is dropped and grown by one update is new, and `zero`, or keeps its value (`kept`).
    """

    steps: int
    every: int
    drop: float
    until: float
    decay: str
    instead_of_step: bool
    regrown: str

    def __post_init__(self) -> None:
        if self.every < 1 or not 0 <= self.drop <= 1 or not 0 < self.until <= 1:
            raise ValueError(
                f"a mask that moves every {self.every} steps, by {self.drop:g} of its weights, in {self.until:g} of "
                "the training: every must be at least 1, drop and until shares"
            )

    @property
    def end(self) -> float:
        """T_end, in steps."""
        return self.until * self.steps

    def is_update(self, step: int) -> bool:
        """Whether there is an update after so many steps; never before the first, and none from T_end on."""
        return step > 0 and step % self.every == 0 and step < self.end

    def share(self, step: int) -> float:
        """The share of a layer's weights that the update after so many steps drops."""
        return self.drop / 2 * (1 + cos(pi * step / self.end)) if self.decay == "cosine" else self.drop


class MovingMaskEngine:
    """An engine (see `winnow.training.engine.Engine`) that moves the mask of another one as it goes.

    Steps between two updates are the other engine's own.  On an update it is read, and restarted with what was moved;
    the dense gradient is computed then only, and only if the criterion asks for it or the update replaces a step.  With
    momentum, weights that keep their value keep v as well, and new ones start from rest.

    Args:
        engine: in training, under `mask`.
        mask: its mask; biases are not moved.
        dataset: what it is trained on.
        schedule: when the mask moves.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`, of a moving mask.
        seed: seed of the run: of what is grown at random.
        epsilon: ε of batch norm.
        device: where dense gradients are computed.

    Attributes:
        mask: the present one.
    """

    def __init__(
        self,
        engine: Engine,
        mask: Mask,
        dataset: Dataset,
        schedule: Schedule,
        criterion: str,
        *,
        seed: int,
        epsilon: float,
        device: Device = "cpu",
    ):
        self._engine, self.mask, self._dataset, self._schedule = engine, mask, dataset, schedule
        self._criterion, self._name, self._seed = load_moving_criterion(criterion), criterion, seed
        self._epsilon, self._where, self._done = epsilon, device, 0
        self.name, self.device, self.precision, self.rate = engine.name, engine.device, engine.precision, engine.rate

    def advance(self, batches: np.ndarray, rates: np.ndarray | None = None) -> tuple[float, int]:
        """A step for each row of `batches`, of SGD or of the mask; see `Engine`."""
        loss, n_correct, k = 0.0, 0, 0
        while k < len(batches):
            if self._schedule.is_update(self._done):
                gradient = self._update(batches[k])
                if self._schedule.instead_of_step:
                    loss, n_correct, k = loss + gradient.value.loss, n_correct + gradient.value.n_correct, k + 1
                    self._done += 1
                    continue
            stop = k + 1
            while stop < len(batches) and not self._schedule.is_update(self._done + stop - k):
                stop += 1
            of_stretch = self._engine.advance(batches[k:stop], None if rates is None else rates[k:stop])
            loss, n_correct = loss + of_stretch[0], n_correct + of_stretch[1]
            self._done += stop - k
            k = stop
        return loss, n_correct

    def _update(self, rows: np.ndarray) -> "_Gradient":
        parameters, velocity = self._engine.parameters(), self._engine.velocity()
        gradient = _Gradient(parameters, self._dataset, rows, self._epsilon, self._where)
        share = self._schedule.share(self._done)
        mask = dict(self.mask)
        for name in (name for name in mask if name.endswith(".weight")):
            draw = stream("moving mask", self._name, self._seed, self._done, name)
            drop, grow = self._criterion(parameters[name], partial(gradient.of, name), draw)
            stays, comes = move(mask[name], drop, grow, round(share * int(mask[name].sum())))
            old = stays if self._schedule.regrown == "zero" else stays | (comes & mask[name])
            parameters[name] = np.where(old, parameters[name], 0)
            if velocity:
                velocity[name] = np.where(old, velocity[name], 0)
            mask[name] = stays | comes
        self.mask = mask
        self._engine.restart(parameters, mask, velocity or None)
        return gradient

    def accuracy(self) -> float:
        """Share of the validation images that are classified correctly; see `Engine`."""
        return self._engine.accuracy()

    def parameters(self) -> Parameters:
        """A copy of the whole state; see `Engine`."""
        return self._engine.parameters()

    def velocity(self) -> Parameters:
        """A copy of v; see `Engine`."""
        return self._engine.velocity()

    def restart(self, start: Parameters, mask: Mask, velocity: Parameters | None = None) -> None:
        """Go on from other parameters, under another mask; see `Engine`."""
        self.mask = mask
        self._engine.restart(start, mask, velocity)


class _Gradient:
    """The dense gradient of a batch, computed when it is first asked for."""

    def __init__(self, parameters: Parameters, dataset: Dataset, rows: np.ndarray, epsilon: float, device: Device):
        self._parameters, self._dataset, self._rows = dict(parameters), dataset, rows
        self._epsilon, self._device = epsilon, device

    @cached_property
    def value(self) -> DenseGradient:
        return dense_gradient(self._parameters, self._dataset, self._rows, epsilon=self._epsilon, device=self._device)

    def of(self, name: str) -> np.ndarray:
        return self.value.weights[name]


def move(mask: np.ndarray, drop: np.ndarray, grow: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Which weights of a layer stay, and which come: as many as go.

    Args:
        mask: the present mask.
        drop: scores; of the surviving weights the n with the smallest go, the first ones among equals.
        grow: scores; of all that do not stay, those just dropped among them, the n with the largest come.
        n: how many.

    Returns:
        Two masks that share no weight.
    """
    stays, comes = mask.copy(), np.zeros_like(mask)
    alive = np.flatnonzero(mask)
    n = min(n, len(alive))
    stays.flat[alive[np.argsort(drop.flat[alive], kind="stable")[:n]]] = False
    candidates = np.flatnonzero(~stays)
    comes.flat[candidates[np.argsort(-grow.flat[candidates], kind="stable")[:n]]] = True
    return stays, comes


def layer_densities(shapes: Sequence[tuple[int, int]], density: float, pool: Pool) -> list[float]:
    """The density at which each layer starts, and stays.

    Args:
        shapes: (out, in) of each layer.
        density: of all layers together.
        pool: `layerwise`: the same for all; `global`: Erdős–Rényi, in proportion to (in + out) / (in · out), where a
            layer that would have more weights than there are is full and the others share the rest.
    """
    if pool == "layerwise":
        return [density] * len(shapes)
    sizes = np.array([n_out * n_in for n_out, n_in in shapes], float)
    ends = np.array([n_out + n_in for n_out, n_in in shapes], float)
    full = np.zeros(len(shapes), bool)
    while not full.all():
        scale = (density * sizes.sum() - sizes[full].sum()) / ends[~full].sum()
        over = ~full & (scale * ends > sizes)
        if not over.any():
            return [float(density) for density in np.where(full, 1.0, scale * ends / sizes)]
        full |= over
    return [1.0] * len(shapes)


def random_start(parameters: Parameters, density: float, pool: Pool, *keys: int | str) -> Mask:
    """A random mask with exact numbers of weights in each layer; biases survive.

    Args:
        parameters: the network.
        density: share of the weights that survive.
        pool: how they are spread over the layers; see `layer_densities`.
        keys: of the random numbers.
    """
    mask = full_mask(parameters)
    weights = [name for name in mask if name.endswith(".weight")]
    densities = layer_densities([mask[name].shape for name in weights], density, pool)
    for name, of_layer in zip(weights, densities, strict=True):
        order = stream("start of a moving mask", *keys, name).permutation(mask[name].size)
        mask[name] = (order < round(of_layer * mask[name].size)).reshape(mask[name].shape)
    return mask
