"""Small made-up data sets, networks and masks for the tests of the statistics."""

import numpy as np
import pytest
import torch

from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream

OTHER_DEVICES = [
    "torch:cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")),
]
"""Where the statistics must be what they are on the processors with numpy."""


def assert_same_table(table: dict[str, np.ndarray], expected: dict[str, np.ndarray], rtol: float) -> None:
    """The same columns; numbers but for rounding."""
    assert table.keys() == expected.keys()
    for name, column in expected.items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(table[name], column, rtol, err_msg=name)
        else:
            assert table[name].tolist() == column.tolist(), name


def make_dataset(images: np.ndarray, shape: tuple[int, int, int], labels: np.ndarray, n_classes: int) -> Dataset:
    """A data set whose validation images are given; the training split is not used by the statistics."""
    return Dataset(
        shape=shape,
        classes=tuple(f"class {k}" for k in range(n_classes)),
        pixel_scale=255.0,
        mean_image=np.full(images.shape[1], 100, np.float32),
        source={},
        train=Split(images[:1], labels[:1]),
        validation=Split(images, labels),
    )


def photo_like(n_images: int, shape: tuple[int, int, int], n_classes: int, seed: int) -> Dataset:
    """Smooth uint8 images with heavy tails, labels in no order."""
    draw = stream("test images", seed)
    z = draw.laplace(size=(n_images, *shape)).cumsum(axis=-1).cumsum(axis=-2) * draw.gamma(1, size=(n_images, 1, 1, 1))
    z += draw.normal(size=z.shape)
    images = np.clip(100 + 10 * z, 0, 255).astype(np.uint8).reshape(n_images, -1)
    return make_dataset(images, shape, draw.integers(0, n_classes, n_images), n_classes)


def make_parameters(n_units: int, n_inputs: int, seed: int) -> Parameters:
    """The first layer of a network, batch norm away from the identity."""
    draw = stream("test parameters", seed)
    parameters = {
        "layers.0.weight": draw.normal(size=(n_units, n_inputs)),
        "layers.0.bias": draw.normal(size=n_units),
        "norms.0.weight": draw.normal(size=n_inputs),
        "norms.0.bias": draw.normal(size=n_inputs),
        "norms.0.running_mean": 0.1 * draw.normal(size=n_inputs),
        "norms.0.running_var": draw.gamma(2, 0.1, size=n_inputs),
    }
    return {name: array.astype(np.float32) for name, array in parameters.items()}


def nested_masks(n_units: int, n_inputs: int, n_rounds: int, share: float, seed: int) -> list[Mask]:
    """m(0), …: random nested masks of a network with one hidden layer."""
    draw = stream("test masks", seed)
    rank = {"layers.0.weight": draw.random((n_units, n_inputs)), "layers.0.bias": draw.random(n_units)}
    return [{name: r < (1 - share) ** n for name, r in rank.items()} for n in range(n_rounds + 1)]
