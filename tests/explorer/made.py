"""A small made-up experiment with real numbers: what the steps before the explorer make of it, through Parquet."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from conftest import make_dataset
from winnow.explorer.make import Run, Tables, make_explorer
from winnow.masks import with_full_mask
from winnow.measure.details import measure_details
from winnow.measure.kurtosis import measure_kurtosis
from winnow.measure.locality import measure_locality
from winnow.network import initial_parameters
from winnow.pruning.oneshot import prune_oneshot
from winnow.pruning.random import prune_random
from winnow.store.schemas import SCHEMAS
from winnow.store.tables import read_table, write_table

DATASETS, METHODS, SEEDS, ROUNDS = ("photos", "photos-clone"), ("imp", "oneshot", "random"), (0, 3), (1, 2, 3, 4)
SHAPE, HIDDEN, N_UNITS = (3, 8, 8), [20, 10], 6
PRUNING = {"share": 0.3, "pool": "layerwise", "criterion": "magnitude"}


@dataclass(frozen=True)
class Made:
    """What `make_explorer` takes, and the page that it gives."""

    runs: list[Run]
    details: dict[tuple[str, int], dict[str, np.ndarray]]
    tables: Tables
    page: Path

    def text(self) -> str:
        """The page, made anew."""
        return make_explorer(
            "made-up", self.runs, self.details, dict.fromkeys(DATASETS, SHAPE), self.tables, clone_suffix="-clone"
        )


def make(folder: Path) -> Made:
    """The made-up experiment, its page in the folder."""
    runs, details = [], {}
    written: dict[str, list[pd.DataFrame]] = {"locality": [], "kurtosis_by_unit": [], "training": []}
    for k, dataset in enumerate(DATASETS):
        images = make_dataset(folder / dataset, shape=SHAPE, seed=k)
        for seed in SEEDS:
            rewind, trained = (
                initial_parameters([int(np.prod(SHAPE)), *HIDDEN, 4], number) for number in (seed, 100 + 10 * seed + k)
            )
            imp = prune_oneshot(ROUNDS, rewind=rewind, trained=trained, **PRUNING)
            other = {name: array[::-1] for name, array in trained.items()}
            masks = {
                "imp": imp,
                "oneshot": prune_oneshot(ROUNDS, rewind=rewind, trained=other, **PRUNING),
                "random": prune_random(imp, seed=seed),
            }
            choice = imp[-1] if k == 0 else next(run for run in runs if run.seed == seed).masks[-1]
            details[dataset, seed] = measure_details(rewind, masks, choice, images, n_units=N_UNITS)
            for method, of_method in masks.items():
                runs.append(Run(dataset, method, seed, of_method))
                keys = {"dataset": dataset, "method": method, "seed": seed}
                columns = {
                    "locality": measure_locality(with_full_mask(of_method), SHAPE).units,
                    "kurtosis_by_unit": measure_kurtosis(rewind, with_full_mask(of_method), images).by_unit,
                    "training": training(),
                }
                for name, of_table in columns.items():
                    written[name].append(through_parquet(folder, name, of_table, **keys))
    gathered = {name: pd.concat(tables, ignore_index=True) for name, tables in written.items()}
    tables = Tables(*gathered.values(), claims())
    made = Made(runs, details, tables, folder / "explorer.html")
    made.page.write_text(made.text(), encoding="utf-8")
    return made


def through_parquet(folder: Path, name: str, columns: dict, **keys: object) -> pd.DataFrame:
    write_table(folder / f"{name}.parquet", name, columns, **keys)
    return read_table(folder / f"{name}.parquet", name).to_pandas()


def training() -> dict[str, list]:
    rounds = [0, *ROUNDS[:-1]]
    return {
        "round": rounds,
        "density": [0.7**n for n in rounds],
        "step": [40] * len(rounds),
        **{name: [0.5 + n / 10 for n in rounds] for name in ("loss", "train_accuracy", "validation_accuracy")},
        **{name: ["x"] * len(rounds) for name in ("engine", "device", "precision")},
    }


def claims() -> pd.DataFrame:
    """A claim that is supported, one that is not, one without a value; its text could end the page's script."""
    text = {"dataset": "photos", "place": "version 1, Sec. 3", "statistic": "mean width", "rule": "> 0 for every seed"}
    rows = [
        text | {"claim": "1", "statement": "narrower & <b>more</b> local", "verdict": "supported", "value": 1.2345},
        text | {"claim": "2", "statement": "</script><script>alert(1)", "verdict": "not supported", "value": -0.5},
        text | {"claim": "3", "statement": "wider", "verdict": "undetermined", "reason": "there is no clone"},
    ]
    return pd.DataFrame(rows, columns=SCHEMAS["claims"].names)
