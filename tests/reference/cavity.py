"""Slow, obvious cavity scores: Eqs. 5 and 6, weight by weight."""

import numpy as np


def kurtosis(values: np.ndarray) -> float:
    """Eq. 4."""
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def cavity_score(with_weight: np.ndarray, without: np.ndarray) -> float:
    """Eq. 5 from the preactivations with and without the weight."""
    before, after = kurtosis(with_weight), kurtosis(without)
    if before > 3:
        return (after - before) / before
    if before < 3:
        return (before - after) / before
    return 0.0


def cavity_scores(weights: np.ndarray, mask: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """The score of every weight; NaN where it is pruned, or there is no variance with or without it."""
    inputs = inputs.astype(np.float64)
    scores = np.full(mask.shape, np.nan)
    for i, j in zip(*np.nonzero(mask), strict=True):
        used = weights[i].astype(np.float64) * mask[i]
        rest = used.copy()
        rest[j] = 0
        preactivation, cavity = inputs @ used, inputs @ rest
        if preactivation.std() > 1e-9 * np.abs(used) @ inputs.std(axis=0) and cavity.std() > 1e-9 * preactivation.std():
            scores[i, j] = cavity_score(preactivation, cavity)
    return scores


def cavity_table(weights: np.ndarray, masks: list[np.ndarray], inputs: np.ndarray) -> list[dict]:
    """Rows (rounds done, fate) of the table `cavity`."""
    last = len(masks) - 1
    rows = []
    for n in range(last):
        scores = cavity_scores(weights, masks[n], inputs)
        groups = [(r, masks[r - 1] & ~masks[r]) for r in range(n + 1, last + 1)] + [(None, masks[last])]
        for removed_in, group in groups:
            values = scores[group]
            known = values[~np.isnan(values)]
            mean = known.mean() if len(known) else np.nan
            rows.append(
                {
                    "rounds_done": n,
                    "removed_in": removed_in,
                    "mean_score": mean,
                    "scaled_mean": mean * masks[n].sum(),
                    "share_positive": (known > 1e-12).mean() if len(known) else np.nan,
                    "n_weights": group.sum(),
                    "n_without_score": len(values) - len(known),
                }
            )
    return rows
