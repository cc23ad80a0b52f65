"""Pair correlation g(r) of masks: local structure, told apart from the window of the image."""

import numpy as np


def pair_correlation(total: np.ndarray, n_connected: np.ndarray) -> dict[str, np.ndarray]:
    """g(r) = Σ S(d) / Σ E(d), over d with r − 1/2 ≤ |d| < r + 1/2: 1 without structure, whatever the image's window.

    E(d) = Σ_ic n_ic (n_ic − 1) · (columns − |dx|)(rows − |dy|) / (N (N − 1)), N = rows · columns, are the pairs to
    expect if the n_ic weights of unit i in channel c lay at random.

    Args:
        total: Σ_i S_i(d), (2·rows − 1, 2·columns − 1), d = 0 at the centre.
        n_connected: n_ic, (n, C).

    Returns:
        radius 1, 2, … to the image's diagonal; pairs, Σ S(d), in which a pair counts once as d and once as −d;
        expected_pairs, Σ E(d); and g, NaN where no pairs are to expect.
    """
    rows, columns = ((length + 1) // 2 for length in total.shape)
    n_pixels = rows * columns
    dy, dx = (np.abs(np.arange(1 - length, length)) for length in (rows, columns))
    radius = np.floor(np.hypot(dy[:, None], dx) + 0.5).astype(np.int64)
    window = (rows - dy)[:, None] * (columns - dx)
    n_pairs = int((n_connected.astype(np.int64) * (n_connected - 1)).sum())
    pairs, windows = (np.bincount(radius.ravel(), values.ravel())[1:] for values in (total, window))
    expected = n_pairs * windows / max(n_pixels * (n_pixels - 1), 1)
    g = np.divide(pairs, expected, out=np.full(len(pairs), np.nan), where=expected > 0)
    return {"radius": np.arange(1, len(pairs) + 1), "pairs": pairs, "expected_pairs": expected, "g": g}
