"""The first layer's preactivations, as the statistics of this package need them.

With batch norm at the input, unit i's preactivation is (Sec. 3.2, Eq. 3)

    λ_i = Σ_j W_ij x̃_j + b_i,    x̃_j = γ_j (x_j − running mean_j) / √(running variance_j + ε) + β_j,

and without it λ_i = Σ_j W_ij x_j + b_i.

Kurtosis and cavity scores do not change when λ is shifted, so only what multiplies x_j matters: the *effective weights*
W_ij γ_j / √(running variance_j + ε), or W_ij, acting on the centred pixels.  Centring the pixels in float64, before the
product, keeps every digit where the mean is far larger than the standard deviation.
"""

from collections.abc import Iterator

import numpy as np

from winnow.measure.arrays import NUMPY, Array, Arrays
from winnow.network import has_batch_norm
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters

WEIGHT, NORM = "layers.0.weight", "norms.0"

ZERO_SD = 1e-5
"""A standard deviation below this share of the one to expect is no variance: what is left is rounding.

Pixels and products have 24 bits, an error of 6e-8 each; the sums over thousands of inputs stay below 1e-6.
"""


def effective_weights(parameters: Parameters, mask: Mask, *, epsilon: float) -> np.ndarray:
    """What multiplies the pixels in the preactivation: W_ij m_ij γ_j / √(running variance_j + ε), or W_ij m_ij.

    Args:
        parameters: the network, e.g. at the rewind point; `layers.0.weight` (H, D) and `norms.0.*` (D,) are used.
        mask: a mask of it; `layers.0.weight` (H, D) is used (a bias only shifts λ).
        epsilon: ε of batch norm.

    Returns:
        (H, D) float64.

    Raises:
        ValueError: an array is missing, the shapes do not fit together, or a value is not finite.
    """
    normed = has_batch_norm(parameters)
    names = [WEIGHT, *([f"{NORM}.weight", f"{NORM}.running_mean", f"{NORM}.running_var"] if normed else [])]
    missing = [name for name in names if name not in parameters]
    if missing or WEIGHT not in mask:
        where = f"the parameters lack {missing}" if missing else f"the mask lacks {WEIGHT!r}"
        raise ValueError(f"{where}: is it the file of a network, or its mask?")
    weights = parameters[WEIGHT]
    if mask[WEIGHT].shape != weights.shape:
        raise ValueError(f"the mask of {WEIGHT} has the shape {mask[WEIGHT].shape}, the weights {weights.shape}")
    scale = np.ones(weights.shape[1])
    if normed:
        scale = parameters[f"{NORM}.weight"] / np.sqrt(parameters[f"{NORM}.running_var"].astype(np.float64) + epsilon)
    if scale.shape != weights.shape[1:]:
        raise ValueError(f"{NORM} normalises {scale.shape} inputs, but {WEIGHT} has the shape {weights.shape}")
    effective = weights * mask[WEIGHT] * scale
    if not np.isfinite(effective).all():
        raise ValueError(f"{WEIGHT} or {NORM} holds NaN or infinity: has training diverged?")
    return effective


def check_inputs(dataset: Dataset, n_inputs: int) -> None:
    """Check that a dataset has validation images, and that they fit a first layer.

    Raises:
        ValueError: there are none, or they do not have `n_inputs` pixels.
    """
    n_images, n_pixels = dataset.validation.images.shape
    if n_images == 0:
        raise ValueError("the dataset has no validation images: nothing can be measured on them")
    if n_pixels != n_inputs:
        raise ValueError(f"the images have {n_pixels} pixels, the first layer {n_inputs} inputs: not the same dataset")


def validation_chunks(
    dataset: Dataset, chunk: int, order: np.ndarray | None = None, arrays: Arrays = NUMPY
) -> Iterator[Array]:
    """The prepared validation images, `chunk` at a time.

    Args:
        dataset: the images.
        chunk: images at a time.
        order: (N,) the order in which they come; as they are stored by default.
        arrays: where to; the stored pixels are moved there, and prepared there.

    Yields:
        (n, D) float32, network inputs as of `Dataset.prepare`.
    """
    images, float32 = dataset.validation.images, arrays.xp.float32
    mean_image = arrays.put(dataset.mean_image, float32)
    for start in range(0, len(images), chunk):
        n = min(chunk, len(images) - start)
        chunk_of_images = arrays.xp.empty((n, images.shape[1]), dtype=float32, device=arrays.device)
        for piece in arrays.pieces(n, images.shape[1]):
            place = slice(start + piece.start, start + piece.stop)
            prepared = arrays.xp.astype(arrays.put(images[place if order is None else order[place]]), float32)
            prepared -= mean_image
            prepared /= float(dataset.pixel_scale)
            chunk_of_images[piece] = prepared
        yield chunk_of_images


def subtract_mean(x: Array, mean: Array, arrays: Arrays) -> Array:
    """x − mean for a float64 mean, in the precision of x, which keeps all its digits.

    The mean's first digits are subtracted, which is nearly exact where they are far larger than the difference, then
    its others.
    """
    first = arrays.xp.astype(mean, x.dtype)
    x = x - first
    x -= arrays.xp.astype(mean - first, x.dtype)
    return x
