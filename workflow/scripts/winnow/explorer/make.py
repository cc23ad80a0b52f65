"""The page of an experiment."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.explorer.content import COLUMNS, curves, numbers, score_means, unit_columns, verdicts
from winnow.explorer.pack import LEVELS, block, in_levels, in_nibbles, in_planes
from winnow.explorer.sources import page_text
from winnow.masks import check_nested, density
from winnow.store.atomic import amount
from winnow.store.schemas import SCHEMAS
from winnow.store.tensors import Mask

log = logging.getLogger(__name__)

_WEIGHT = "layers.0.weight"
_MOST_IN_NIBBLES = 15
_FULL = 0.99


@dataclass(frozen=True)
class Run:
    """The masks of a method.

    Attributes:
        dataset: its name.
        method: imp, oneshot or random.
        seed: of the run.
        masks: m(1), …, m(N), nested.
    """

    dataset: str
    method: str
    seed: int
    masks: Sequence[Mask]


@dataclass(frozen=True)
class Tables:
    """The experiment's tables, with the rows of all runs."""

    locality: pd.DataFrame
    kurtosis: pd.DataFrame
    training: pd.DataFrame
    claims: pd.DataFrame


def make_explorer(
    experiment: str,
    runs: Iterable[Run],
    details: Mapping[tuple[str, int], Mapping[str, np.ndarray]],
    shapes: Mapping[str, tuple[int, int, int]],
    tables: Tables,
    *,
    clone_suffix: str,
    scored: str = "imp",
) -> str:
    """The explorer: one HTML text that holds all it shows.  Its size, part by part, is said in the log.

    Args:
        experiment: name of the experiment.
        runs: what the page shows, dataset by dataset; read one by one.
        details: of `measure_details`, by dataset and seed.
        shapes: (C, L, L) of each dataset's images.
        tables: `locality`, `kurtosis_by_unit`, `training` and `claims`.
        clone_suffix: what a Gaussian clone's name adds to its dataset's.
        scored: the method whose weights have cavity scores.

    Raises:
        ValueError: masks are not nested, or a table lacks rows of a run.
    """
    blocks: dict[str, str] = {}
    manifest: dict[str, Any] = {
        "experiment": experiment,
        "datasets": [
            {"name": name, "shape": list(shape), "clone_of": name.removesuffix(clone_suffix) if clone else None}
            for name, shape in shapes.items()
            for clone in [name.endswith(clone_suffix) and name.removesuffix(clone_suffix) in shapes]
        ],
        "columns": [_describe(name, decimals) for name, decimals in COLUMNS.items()],
        "levels": LEVELS,
        "scored": scored,
        "runs": [],
        "details": [],
        "curves": curves(tables.locality, tables.kurtosis, tables.training),
        "claims": verdicts(tables.claims),
        "n_seeds": int(tables.locality["seed"].nunique()),
        "start": 0,
    }
    bits = 0
    for run in runs:
        lasts = _rounds_survived(run.masks)
        of_run = [
            table[(table["dataset"] == run.dataset) & (table["method"] == run.method) & (table["seed"] == run.seed)]
            for table in (tables.locality, tables.kurtosis)
        ]
        columns = unit_columns(of_run[0], of_run[1], len(run.masks))
        bits = 4 if len(run.masks) <= _MOST_IN_NIBBLES else 8
        packed = in_nibbles(lasts) if bits == 4 else lasts.astype(np.uint8)
        planes = np.concatenate([in_planes(columns[name], decimals) for name, decimals in COLUMNS.items()])
        manifest["runs"].append(
            {
                "dataset": run.dataset,
                "method": run.method,
                "seed": run.seed,
                "density": numbers([1, *(density(mask) for mask in run.masks)]),
                "masks": _add(blocks, "masks", block(packed)),
                "table": _add(blocks, "table", block(planes)),
                "n_units": len(lasts),
            }
        )
        known = details.get((run.dataset, run.seed))
        if run.method == scored and known is not None and len(known["units"]):
            if not manifest["details"]:  # the page opens with the most connected of the first run's known units
                left = (lasts[known["units"]] == len(run.masks)).sum(axis=1)
                manifest["start"] = int(known["units"][left.argmax()])
            manifest["details"].append(_detail(blocks, run, known, lasts[known["units"]]))
    manifest["bits"] = bits
    return _text(manifest, blocks)


def _rounds_survived(masks: Sequence[Mask]) -> np.ndarray:
    """How many rounds each first-layer weight survives, (H, D) uint8: the mask of round n is `>= n`."""
    check_nested(masks)
    if len(masks) > np.iinfo(np.uint8).max:
        raise ValueError(f"{len(masks)} rounds are more than the explorer can show")
    lasts: np.ndarray = np.stack([mask[_WEIGHT] for mask in masks]).sum(axis=0, dtype=np.uint8)
    return lasts


def _detail(blocks: dict[str, str], run: Run, known: Mapping[str, np.ndarray], lasts: np.ndarray) -> dict[str, Any]:
    """The entry of what is known of single units, its arrays packed."""
    full_weight = _full(known["weights"])
    scores, full_scores = [], []
    for n, (of_round, has_score) in enumerate(zip(known["scores"], known["has_score"], strict=True)):
        fulls = []
        for unit, has in enumerate(has_score):
            values = of_round[unit][lasts[unit] >= n]
            fulls.append(_full(of_round[unit][has]))
            scores.append(in_levels(values, fulls[-1]))
        full_scores.append(numbers(fulls))
    methods = [name.removeprefix("histogram_") for name in known if name.startswith("histogram_")]
    counts = {method: np.asarray(known[f"histogram_{method}"]) for method in methods}
    return {
        "dataset": run.dataset,
        "seed": run.seed,
        "units": known["units"].tolist(),
        "n_images": int(known["n_images"][0]),
        "full_weight": numbers([full_weight])[0],
        "weights": _add(blocks, "weights", block(in_nibbles(in_levels(known["weights"], full_weight)))),
        "full_scores": full_scores,
        "scores": _add(blocks, "scores", block(in_nibbles(np.concatenate([*scores, np.empty(0, np.uint8)])))),
        "score_means": score_means(known, lasts),
        "histograms": {
            method: _add(blocks, "histogram", block(in_planes(array, 0))) for method, array in counts.items()
        },
    }


def _full(values: np.ndarray) -> float:
    """The size of a full square: all but a few values have smaller ones, and no outlier hides them."""
    return float(np.quantile(np.abs(values), _FULL)) if values.size else 0.0


def _add(blocks: dict[str, str], kind: str, content: str) -> str:
    """The name of a block; what is there already is not written twice: a clone's random masks are its dataset's."""
    name = next((name for name, other in blocks.items() if other == content), f"{kind}-{len(blocks)}")
    blocks[name] = content
    return name


def _describe(name: str, decimals: int) -> dict[str, Any]:
    table = "kurtosis_by_unit" if name == "kurtosis" else "locality"
    metadata = SCHEMAS[table].field(name).metadata or {}
    return {
        "name": name,
        "decimals": decimals,
        "meaning": metadata[b"meaning"].decode(),
        "unit": metadata[b"unit"].decode(),
    }


def _text(manifest: Mapping[str, Any], blocks: Mapping[str, str]) -> str:
    data = json.dumps(manifest, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    slots = {
        "manifest": f'<script type="application/json" id="manifest">{data}</script>\n',
        "blocks": "".join(
            f'<script type="application/octet-stream" id="{name}">{content}</script>\n'
            for name, content in blocks.items()
        ),
    }
    text = page_text(**slots)
    sizes: dict[str, int] = {}
    for name, content in blocks.items():
        kind = name.partition("-")[0]
        sizes[kind] = sizes.get(kind, 0) + len(content)
    sizes["numbers as text"] = len(slots["manifest"].encode())
    sizes["page"] = len(text.encode()) - sum(sizes.values())
    shown = sorted({f"{run['dataset']} seed {run['seed']}" for run in manifest["runs"]})
    log.info("the explorer holds %s", ", ".join(shown))
    log.info(
        "it takes %s: %s",
        amount(len(text.encode())),
        ", ".join(f"{kind} {amount(size)}" for kind, size in sizes.items()),
    )
    return text
