"""Parameters, masks and other named arrays as safetensors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from winnow.store.atomic import StoreError, write_bytes
from winnow.store.sealed import ON_CPU, MadeWith, describe, read_of_kind, reading, seal

Parameters = dict[str, np.ndarray]
"""All parameters of a network by name, float32 or float64: `layers.0.weight` (H, D), `norms.0.running_mean` (D,) …"""

Mask = dict[str, np.ndarray]
"""The prunable parameters' mask by name, bool, True where a parameter survives.  The output layer has none."""


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], *, made_with: MadeWith = ON_CPU) -> None:
    """Write named arrays as safetensors.

    Raises:
        StoreError: an array holds NaN or infinity; it cannot be written.
    """
    _write_safetensors(path, arrays, describe("arrays", made_with))


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read named arrays from safetensors.

    Raises:
        StoreError: the file is missing, damaged, or of another kind.
    """
    return _read_safetensors(path, "arrays")[0]


def write_parameters(path: str | Path, parameters: Parameters, *, made_with: MadeWith = ON_CPU) -> None:
    """Write a network's parameters; see `Parameters`.

    Raises:
        StoreError: a parameter is NaN or infinite; it cannot be written.
    """
    _write_safetensors(path, parameters, describe("parameters", made_with))


def read_parameters(path: str | Path) -> Parameters:
    """Read a network's parameters; see `Parameters`.

    Raises:
        StoreError: the file is missing, damaged, or holds no network.
    """
    return _read_safetensors(path, "parameters")[0]


def write_mask(path: str | Path, mask: Mask, *, made_with: MadeWith = ON_CPU) -> None:
    """Write a mask, eight parameters a byte (`numpy.packbits` of the flattened array).

    Raises:
        StoreError: it cannot be written.
    """
    shapes = {name: array.shape for name, array in mask.items()}
    packed = {name: np.packbits(array) for name, array in mask.items()}
    _write_safetensors(path, packed, describe("mask", made_with, shapes=shapes))


def read_mask(path: str | Path) -> Mask:
    """Read a mask.

    Raises:
        StoreError: the file is missing, damaged, or holds no mask.
    """
    packed, description = _read_safetensors(path, "mask")
    mask: Mask = {}
    with reading(path):
        for name, shape in description["shapes"].items():  # in the order in which it was written
            bits = np.unpackbits(packed[name], count=int(np.prod(shape)))
            mask[name] = bits.astype(bool).reshape(shape)
    return mask


def _write_safetensors(path: str | Path, arrays: Mapping[str, np.ndarray], description: dict[str, Any]) -> None:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise StoreError(f"{path}: the array {name!r} holds NaN or infinite values; nothing was written")
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # One entry of metadata: safetensors writes several in an order that changes from file to file.
    write_bytes(path, seal(path, save(contiguous, {"winnow": json.dumps(description)})))


def _read_safetensors(path: str | Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    content, description = read_of_kind(path, kind)
    with reading(path):
        return dict(sorted(load(content).items())), description  # `load` gives another order every time
