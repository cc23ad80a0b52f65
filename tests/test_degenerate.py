"""Numbers that go wrong, from masks to figures: what has no value is null and counted, and nothing fails for it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import make_dataset
from winnow.claims.choices import compare_choices
from winnow.claims.paper import CLAIMS, UNDETERMINED
from winnow.claims.table import check_claims, summarise_claims
from winnow.figures.fig1 import plot_fig1
from winnow.figures.fig3 import plot_fig3
from winnow.figures.fig4 import plot_fig4
from winnow.figures.fig5 import plot_fig5
from winnow.figures.fig6 import plot_fig6
from winnow.figures.fig9 import plot_fig9
from winnow.masks import full_mask
from winnow.measure.cavity import measure_cavity
from winnow.measure.cavity_example import measure_cavity_example
from winnow.measure.kurtosis import measure_kurtosis
from winnow.measure.locality import measure_locality
from winnow.network import initial_parameters
from winnow.store.datasets import Dataset
from winnow.store.tables import read_table, write_table
from winnow.store.tensors import Mask

N_UNITS = 14
SHAPE = (3, 6, 6)
PARAMETERS = initial_parameters([108, N_UNITS, 10, 4], 0)
FULL = full_mask(PARAMETERS)


def last_mask(case: str) -> Mask:
    """No weight, one or four weights a unit, or all weights in one unit."""
    mask = {name: np.zeros_like(array) for name, array in FULL.items()}
    weight = mask["layers.0.weight"]
    weight[:, : 0 if case == "nothing" else 1 if case == "one weight" else 4] = True
    if case == "one unit":
        weight[:], weight[3] = False, True
    return mask


@dataclass(frozen=True)
class Tables:
    """The statistics of a dataset and its clone, as they come back from their files."""

    locality: pd.DataFrame
    kurtosis: pd.DataFrame
    cavity: pd.DataFrame
    pairs: pd.DataFrame
    example: pd.DataFrame
    population: pd.DataFrame


def measure(case: str, dataset: Dataset, folder: Path) -> Tables:
    masks = [FULL, last_mask(case), last_mask(case)]
    units, population, pairs = measure_locality(masks, SHAPE)

    def table(name: str, columns: dict, **constants: object) -> pd.DataFrame:
        write_table(folder / "table.parquet", name, columns, **constants)
        return read_table(folder / "table.parquet", name).to_pandas()

    def runs(name: str, columns: dict, fates: bool = False) -> pd.DataFrame:
        return pd.concat(
            table(name, columns, dataset=of, method=method, seed=seed, **({"fates_of": method} if fates else {}))
            for of in ("d", "d-clone")
            for method in ("imp", "oneshot", "random")
            for seed in (0, 1)
        )

    return Tables(
        runs("locality", units),
        runs("kurtosis_by_class", measure_kurtosis(PARAMETERS, masks, dataset).by_class),
        runs("cavity", measure_cavity(PARAMETERS, masks, dataset), fates=True),
        runs("pair_correlation", pairs),
        table("cavity_example", measure_cavity_example(PARAMETERS, masks[1], dataset), dataset="d", seed=0),
        runs("locality_population", population),
    )


CASES = ["nothing", "one weight", "four weights", "one unit"]


@pytest.fixture(scope="module")
def of_case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("degenerate")
    dataset = make_dataset(folder / "dataset")
    # What matplotlib would take for formulas, were it shown.
    dataset = replace(dataset, classes=("$\\frac{1$", "$_$", "<b>_", "a\nb"))
    return dataset, {case: measure(case, dataset, folder) for case in CASES}


@pytest.mark.parametrize(
    ("case", "without_width", "with_kurtosis", "without_score", "examples"),
    [
        ("nothing", N_UNITS, 0, 0, 0),
        ("one weight", N_UNITS, N_UNITS, N_UNITS, 0),
        ("four weights", N_UNITS, N_UNITS, 0, 80),
        ("one unit", N_UNITS - 1, 1, 0, 80),
    ],
)
def test_what_has_no_value_is_null_and_counted(of_case, case, without_width, with_kurtosis, without_score, examples):
    tables = of_case[1][case]
    last = {name: table[table["round"] == 2] for name, table in vars(tables).items() if name != "example"}
    assert (last["population"]["n_units"] == N_UNITS).all()
    assert (last["population"]["n_without_width"] == without_width).all()
    null = last["locality"][last["locality"]["sigma_x"].isna()]
    assert len(null) == 12 * without_width
    assert null["converged"].isna().all()
    assert (last["kurtosis"]["n_units"] == with_kurtosis).all()
    assert last["kurtosis"]["kurtosis_mean"].isna().all() == (with_kurtosis == 0)
    cavity = tables.cavity[tables.cavity["rounds_done"] == 1]
    survivors = cavity[cavity["removed_in"].isna()]
    assert (survivors["n_without_score"] == without_score).all()
    empty = cavity["n_weights"] == cavity["n_without_score"]
    assert (cavity["mean_score"].isna() == empty).all() and (cavity["scaled_mean"].isna() == empty).all()
    assert len(tables.example) == examples


def verdicts(tables: Tables) -> dict[str, str]:
    columns = check_claims(
        tables.locality, tables.pairs, tables.kurtosis, tables.cavity, datasets=["d"], clone_suffix="-clone"
    )
    assert "d,1," in summarise_claims(columns)
    table = pd.DataFrame(columns)
    decided = table[table["seed"].isna() & table["rule"].notna()].set_index("claim")
    assert (decided["reason"].notna() == (decided["verdict"] == UNDETERMINED)).all()
    return decided["verdict"].to_dict()


def test_claims_without_numbers_are_undetermined(of_case):
    nothing, one_weight = verdicts(of_case[1]["nothing"]), verdicts(of_case[1]["one weight"])
    assert [claim for claim, verdict in nothing.items() if verdict != UNDETERMINED] == ["5b"]
    assert {one_weight[claim] for claim in ("1", "1b", "2", "2b")} == {UNDETERMINED}
    none = verdicts(without_numbers(of_case[1]["four weights"]))
    assert none == {claim.number: UNDETERMINED for claim in CLAIMS}


def without_numbers(tables: Tables) -> Tables:
    """The same with a null wherever there may be one."""

    def null(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
        return table.assign(**dict.fromkeys(columns, np.nan))

    return Tables(
        null(tables.locality, "sigma_x", "sigma_y", "moment_x", "moment_y", "chance_sigma_x", "close_pairs_p").assign(
            converged=None
        ),
        null(tables.kurtosis, "kurtosis_mean", "kurtosis_median"),
        null(tables.cavity, "mean_score", "scaled_mean", "share_positive"),
        null(tables.pairs, "g"),
        tables.example[:0],
        tables.population,
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", [*CASES, "no number at all"])
def test_figures_are_drawn(of_case, case):
    dataset, of = of_case
    tables = of[case] if case in of else without_numbers(of["four weights"])
    mask = last_mask(case)
    training = pd.DataFrame(
        {"dataset": "d", "method": "imp", "seed": 0, "round": [0, 1], "density": [1, 0.5], "step": 5}
    )
    training = training.assign(validation_accuracy=0.25)
    figures = [
        plot_fig1(mask, mask, SHAPE, units=99),
        plot_fig3(dataset, dataset, mask, mask, tables.locality, dataset="d", clone_name="d-clone"),
        plot_fig4(tables.locality, tables.kurtosis, dataset="d"),
        plot_fig5(tables.example, tables.cavity, dataset="d", clone_name="d-clone"),
        plot_fig6(training, tables.pairs, dataset="d", clone_name="d-clone", n_classes=4),
    ]
    columns = check_claims(
        tables.locality, tables.pairs, tables.kurtosis, tables.cavity, datasets=["d"], clone_suffix="-clone"
    )
    claims = pd.DataFrame(columns)
    same = {"dataset": "d", "choices": {"same": "d@same"}, "changes": {"same": "nothing"}}
    figures.append(plot_fig9(pd.DataFrame(compare_choices(claims, claims.assign(dataset="d@same"), **same))))
    for figure in figures:
        figure.draw_without_rendering()
    if tables.example.empty:
        assert "no weight has a score" in [text.get_text() for axes in figures[3].axes for text in axes.texts]


def test_a_class_without_validation_images_has_no_kurtosis(tmp_path):
    dataset = make_dataset(tmp_path / "dataset", n_validation=3)
    columns = measure_kurtosis(PARAMETERS, [FULL], dataset).by_class
    assert columns["n_units"].tolist() == [0, 0, 0, 0]  # one image does not vary, and the last class has none
    assert np.isnan(columns["kurtosis_mean"]).all() and np.isnan(columns["kurtosis_median"]).all()
    assert np.isfinite(measure_kurtosis(PARAMETERS, [FULL], dataset).by_unit["kurtosis"]).all()
