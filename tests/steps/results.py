"""The steps, each on its own small inputs, by the names of their versions."""

import base64
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from conftest import make_dataset
from explorer import made
from figures import synthetic
from measure.small import photo_like
from winnow.claims.dial import follow_dial
from winnow.claims.table import check_claims
from winnow.clone.draw import clone_gaussian
from winnow.config.parse import parse_config
from winnow.datasets.blend import blend_dataset
from winnow.datasets.prepare import prepare_dataset
from winnow.datasets.standin import write_standin
from winnow.explorer.content import COLUMNS
from winnow.explorer.make import Run, Tables, make_explorer
from winnow.explorer.sources import page_text
from winnow.figures.fig1 import plot_fig1
from winnow.figures.fig2 import plot_fig2
from winnow.figures.fig3 import plot_fig3
from winnow.figures.fig4 import plot_fig4
from winnow.figures.fig5 import plot_fig5
from winnow.figures.fig6 import plot_fig6
from winnow.figures.fig7 import plot_fig7
from winnow.figures.fig8 import plot_fig8
from winnow.figures.fig9 import plot_fig9
from winnow.figures.fig10 import plot_fig10
from winnow.figures.film import PALETTE, make_film
from winnow.figures.style import save_figure
from winnow.masks import with_full_mask
from winnow.measure.cavity import measure_cavity
from winnow.measure.cavity_example import measure_cavity_example
from winnow.measure.components import measure_components
from winnow.measure.details import measure_details
from winnow.measure.kurtosis import measure_kurtosis
from winnow.measure.layers_cavity import measure_layers_cavity
from winnow.measure.layers_kurtosis import measure_layers_kurtosis
from winnow.measure.layers_locality import measure_layers_locality
from winnow.measure.layers_nongaussianity import measure_layers_nongaussianity
from winnow.measure.layers_positions import measure_layers_positions
from winnow.measure.locality import measure_locality
from winnow.measure.nongaussianity import measure_nongaussianity
from winnow.measure.participation import measure_participation
from winnow.measure.positions import measure_positions
from winnow.network import initial_parameters
from winnow.pruning.at_start import prune_at_start
from winnow.pruning.criteria.registry import CRITERIA
from winnow.pruning.from_masks import prune_from_masks, reinitialise
from winnow.pruning.imp import prune_imp_round
from winnow.pruning.imp_first_round import prune_imp_first_round
from winnow.pruning.oneshot import prune_oneshot
from winnow.pruning.oneshot_network import prune_oneshot_network
from winnow.pruning.random import prune_random
from winnow.pruning.retrain import retrain_pruned
from winnow.pruning.while_training import prune_while_training
from winnow.store.datasets import open_dataset
from winnow.store.tables import gather_tables, read_table, write_table
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream
from winnow.training.dense import train_dense
from winnow.training.settings import TrainingSettings
from winnow.typeset.markup import WRITERS
from winnow.typeset.tables import Images, count_verdicts, typeset_tables

Results = dict[str, Any]
"""Arrays or columns of a table, by name."""

SIZES = [108, 24, 16, 4]  # inputs of `make_dataset`, hidden units, its classes
PRUNING = {"share": 0.5, "pool": "layerwise", "criterion": "magnitude"}
TINY = synthetic.TINY


def _training(engine: str) -> TrainingSettings:
    # Few steps: later ones would make of the processors' different rounding different networks.
    return TrainingSettings(
        steps=6, rewind=2, batch=8, rate=0.1, log_every=2, norm_keep=0.99, norm_epsilon=1e-5, engine=engine
    )


def _parameters(seed: int) -> Parameters:
    """A network in float64, in which no two processors' rounding decides who survives."""
    draw = stream("test network", seed)
    return {
        name: array + 0.1 * np.abs(draw.normal(size=array.shape))
        for name, array in initial_parameters(SIZES, seed).items()
    }


def _masks() -> list[Mask]:
    return prune_oneshot([1, 2, 3], rewind=_parameters(0), trained=_parameters(1), **PRUNING)


def _single(parameters: Parameters) -> Parameters:
    return {name: array.astype(np.float32) for name, array in parameters.items()}


def _named(prefix: str, results: Mapping[str, Any]) -> Results:
    return {f"{prefix}/{name}": values for name, values in results.items()}


def _numbered(several: list[Mask]) -> Results:
    return {key: array for n, mask in enumerate(several, start=1) for key, array in _named(str(n), mask).items()}


def _of_dataset(folder: Path) -> Results:
    dataset = open_dataset(folder)
    return {
        "mean": dataset.mean_image,
        "classes": list(dataset.classes),
        **{f"{name} images": getattr(dataset, name).images for name in ("train", "validation")},
        **{f"{name} labels": getattr(dataset, name).labels for name in ("train", "validation")},
    }


def _prepare_dataset(folder: Path) -> Results:
    draw = stream("test pictures")
    for k in range(12):
        path = folder / f"pictures/{'ab'[k % 2]}/{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (9, 7, 3), np.uint8)).save(path)
    write_standin(folder / "imagenet32", classes=3, train=30, validation=9)
    few = {"train_per_class": 6, "validation_per_class": 3}
    sources = {
        "photos": {"side": 8, "tile": 48, "stride": 192, "scale": 0.5, **few},
        "nlgp": {"side": 8, "channels": 3, "correlation_lengths": [1.0, 2.0], "gain": 3.0, **few},
        **{
            arm: {
                "side": 8,
                "correlation_lengths": [1.0, 2.0],
                "reference_gain": 3.0,
                "excess_kurtosis": kurtosis,
                **few,
            }
            for arm, kurtosis in {"saturating": -1.0, "heavy_tailed": 1.0, "elliptical": 1.0}.items()
        },
        "imagenet32": {"folder": folder / "imagenet32", "classes": 3},
        "image_folder": {"folder": folder / "pictures", "side": 6, "validation_share": 0.25},
    }
    results = {}
    for source, settings in sources.items():
        prepare_dataset(folder / source, source=source, name="test", **settings)
        results |= _named(source, _of_dataset(folder / source))
    return results


def _clone_gaussian(folder: Path) -> Results:
    make_dataset(folder / "dataset")
    results = {}
    ways = {"channel": ("exact", "channel"), "joint": ("exact", "joint")}
    ways |= {"clipped": ("clipped", "channel"), "phases": ("phases", "joint")}
    for way, (kind, per) in ways.items():
        clone_gaussian(folder / "dataset", folder / way, folder / f"{way}.parquet", name="test", kind=kind, per=per)
        certificate = read_table(folder / f"{way}.parquet", "certificate").to_pydict()
        results |= _named(way, {**_of_dataset(folder / way), **certificate})
    return results


def _blend_dataset(folder: Path) -> Results:
    make_dataset(folder / "dataset")
    clone_gaussian(folder / "dataset", folder / "clone", folder / "certificate.parquet", name="test")
    blend_dataset(folder / "dataset", folder / "clone", folder / "blend", name="test", clone_share=0.4)
    return _of_dataset(folder / "blend")


def _train_dense(folder: Path) -> Results:
    dataset = make_dataset(folder / "dataset")
    results = {}
    for engine in ("reference", "dense"):
        rewind, trained, curve = train_dense(
            dataset, seed=1, hidden=SIZES[1:-1], initial_weights="uniform", settings=_training(engine)
        )
        results |= _named(engine, {**_named("rewind", rewind), **_named("trained", trained), **curve})
    return results


def _prune_imp_round(folder: Path) -> Results:
    dataset, rewind = make_dataset(folder / "dataset"), _parameters(0)
    results = {}
    for engine in ("reference", "dense", "sparse"):
        for n, before in enumerate(_masks()[:2], start=2):
            mask, curve = prune_imp_round(rewind, before, dataset, seed=1, n=n, settings=_training(engine), **PRUNING)
            results |= _named(f"{engine} {n}", {**mask, **curve})
    return results


def _prune_oneshot_network(folder: Path) -> Results:
    dataset = make_dataset(folder / "dataset")
    return {
        key: array
        for criterion in ("obd", "cavity_magnitude")
        for key, array in _named(
            criterion,
            _numbered(
                prune_oneshot_network(
                    [1, 2],
                    dataset,
                    rewind=_parameters(0),
                    trained=_parameters(1),
                    seed=1,
                    **PRUNING | {"criterion": criterion},
                )
            ),
        ).items()
    }


def _prune_at_start(folder: Path) -> Results:
    dataset = make_dataset(folder / "dataset")
    ways = {
        "snip": {"pool": "global"},
        "grasp": {"pool": "layerwise"},
        "grasp_magnitude": {"pool": "global"},
        "synflow": {"pool": "global", "iterations": 5},
        "cavity": {"pool": "layerwise", "by_round": True},
    }
    results = {}
    for criterion, way in ways.items():
        masks = prune_at_start(
            _parameters(0), dataset, rounds=[1, 2], seed=1, **PRUNING | {"criterion": criterion} | way
        )
        results |= _named(criterion, _numbered(masks))
    return results


def _prune_while_training(folder: Path) -> Results:
    dataset, results = make_dataset(folder / "dataset"), {}
    for criterion in ("set", "rigl", "beta_lasso"):
        known = CRITERIA[criterion].settings
        own = {name: value[0] if isinstance(value, tuple) else value for name, value in known.items()}
        own |= {"trials": 3, "highest": 1e-3} if criterion == "beta_lasso" else {"every": 2}
        mask, curve = prune_while_training(
            dataset,
            seed=1,
            n=2,
            hidden=SIZES[1:-1],
            initial_weights="uniform",
            share=0.5,
            pool="global",
            criterion=criterion,
            of_criterion=own,
            settings=_training("reference"),
        )
        results |= _named(criterion, {**mask, **curve})
    return results


def _prune_from_masks(folder: Path) -> Results:
    look_at = {"rewind": _parameters(0), "dataset": make_dataset(folder / "dataset"), "seed": 1}
    results = {}
    for maker in ("shuffled_layer", "shuffled_unit", "reinitialised"):
        results |= _named(maker, _numbered(prune_from_masks(_masks(), maker=maker, **look_at)))
    few = {"draws": 5, "images": 60}
    drawn = prune_from_masks(_masks(), maker="kurtosis_random", of_maker=few, **look_at)
    return results | _named("kurtosis_random", _numbered(drawn))


def _retrain_pruned(folder: Path) -> Results:
    dataset, rewind, mask = make_dataset(folder / "dataset"), _single(_parameters(0)), _masks()[-1]
    return {
        key: values
        for engine in ("reference", "dense", "sparse")
        for key, values in _named(
            engine, retrain_pruned(rewind, mask, dataset, seed=1, n=3, settings=_training(engine))
        ).items()
    }


def _measure_locality(folder: Path) -> Results:
    results = {}
    for channels in ("same", "any"):
        tables = measure_locality(with_full_mask(_masks()), (3, 6, 6), channels=channels)
        for name in ("units", "population", "pair_correlation"):
            results |= _named(f"{channels}/{name}", getattr(tables, name))
    return results


def _measure_kurtosis(folder: Path) -> Results:
    tables = measure_kurtosis(_single(_parameters(0)), with_full_mask(_masks()), make_dataset(folder / "dataset"))
    return {**_named("unit", tables.by_unit), **_named("class", tables.by_class)}


def _measure_nongaussianity(folder: Path) -> Results:
    dataset = make_dataset(folder / "dataset")
    tables = measure_nongaussianity(_single(_parameters(0)), with_full_mask(_masks()), dataset)
    return {**_named("unit", tables.by_unit), **_named("class", tables.by_class)}


def _measure_cavity(folder: Path) -> Results:
    return measure_cavity(_single(_parameters(0)), with_full_mask(_masks()), make_dataset(folder / "dataset"))


def _of_layers(folder: Path) -> dict[str, Any]:
    """What the statistics of preactivations of layers are given."""
    dataset = make_dataset(folder / "dataset")
    return {
        "parameters": _single(_parameters(0)),
        "masks": with_full_mask(_masks()),
        "dataset": dataset,
        "layers": [1, 2],
    }


def _measure_layers_locality(_: Path) -> Results:
    tables = measure_layers_locality(_parameters(0), with_full_mask(_masks()), (3, 6, 6), layers=[1, 2])
    return {**_named("units", tables.units), **_named("pair_correlation", tables.pair_correlation)}


def _measure_layers_kurtosis(folder: Path) -> Results:
    tables = measure_layers_kurtosis(**_of_layers(folder))
    return {**_named("unit", tables.by_unit), **_named("class", tables.by_class)}


def _measure_layers_nongaussianity(folder: Path) -> Results:
    tables = measure_layers_nongaussianity(**_of_layers(folder))
    return {**_named("unit", tables.by_unit), **_named("class", tables.by_class)}


def _measure_cavity_example(folder: Path) -> Results:
    return measure_cavity_example(_single(_parameters(0)), _masks()[0], make_dataset(folder / "dataset"))


def _gather_statistic(folder: Path, datasets: list[str] | None = None) -> Results:
    curve = {"step": [2, 4], "loss": [1.5, 1.25], "train_accuracy": [0.25, 0.5], "validation_accuracy": [0.25, 0.25]}
    run = {"dataset": "test", "method": "imp", "round": 0, "density": 1.0}
    made = {"engine": "dense", "device": "cpu", "precision": "float32"}
    paths = [folder / f"{seed}.parquet" for seed in (0, 1)]
    for seed, path in enumerate(paths):
        write_table(path, "training", curve, seed=seed, **run, **made, made_with=made)
    gather_tables(paths, folder / "all.parquet", "training", datasets=datasets)
    return read_table(folder / "all.parquet", "training").to_pydict()


def _gather_choices(folder: Path) -> Results:
    return _gather_statistic(folder, ["test@a", "test@b"])


def _check_claims(folder: Path) -> Results:
    return check_claims(
        synthetic.locality(TINY),
        synthetic.pair_correlation(TINY),
        synthetic.kurtosis_by_class(TINY),
        synthetic.cavity(TINY),
        datasets=[synthetic.NAME],
        clone_suffix="-clone",
    )


def _plot_figures(folder: Path) -> Results:
    images, clone = synthetic.images(TINY), synthetic.images(TINY, clone=True)
    local, cavity, name = synthetic.locality(TINY), synthetic.cavity(TINY), synthetic.NAME
    names = {"dataset": name, "clone_name": synthetic.CLONE_NAME}
    masks = [synthetic.mask(TINY, spread) for spread in (0.1, 0.5)]
    figures = {
        "fig1": plot_fig1(*masks, TINY.shape, units=4),
        "fig2": plot_fig2(synthetic.components(TINY, n=9), TINY.shape),
        "fig3": plot_fig3(images, clone, *masks, local, units=4, **names),
        "fig4": plot_fig4(local, synthetic.kurtosis_by_class(TINY), dataset=name),
        "fig5": plot_fig5(synthetic.cavity_example(TINY), cavity, **names),
        "fig6": plot_fig6(
            synthetic.training(TINY), synthetic.pair_correlation(TINY), n_classes=TINY.n_classes, **names
        ),
        "fig7": plot_fig7(
            synthetic.methods(TINY),
            dict(zip(("imp", "random"), masks, strict=True)),
            TINY.shape,
            dataset=name,
        ),
        "fig8": plot_fig8(synthetic.responses(TINY)),
        "fig9": plot_fig9(synthetic.sensitivity(TINY)),
        "fig10": plot_fig10(synthetic.by_layer(TINY), dataset=name),
    }
    pictures = {}
    for key, figure in figures.items():
        save_figure(figure, folder / f"{key}.png")
        with Image.open(folder / f"{key}.png") as picture:
            pictures[key] = np.asarray(picture.convert("RGB")) / 255
    return pictures


def _follow_dial(_: Path) -> Results:
    tables = follow_dial(synthetic.on_the_dial(TINY), synthetic.DIALS)
    return {**_named("responses", tables.responses), **_named("trends", tables.trends)}


def _measure_details(folder: Path) -> Results:
    masks = _masks()
    return measure_details(_single(_parameters(0)), {"imp": masks}, masks[-1], make_dataset(folder / "data"), n_units=5)


def _typeset_tables(folder: Path) -> Results:
    claims = pd.DataFrame(_check_claims(folder))
    configuration = parse_config(
        {"experiment": "test", "seeds": [0, 1], "datasets": {"photos": {"source": "photos"}}}, "test"
    )
    maker = {"python": "3.11", "packages": {"numpy": "2.4"}, "commit": "0123abc"}
    record = {
        "configuration": configuration.model_dump(mode="json"),
        "made_with": {"claims": {"device": "cpu"}},
        "made_by": [maker],
    }
    tables = typeset_tables(claims, record, {"photos": Images(192, 4, 96, 32)})
    texts = {f"{name}.{kind}": [write(table)] for name, table in tables.items() for kind, write in WRITERS.items()}
    return {**texts, "quotes": [count_verdicts(claims)]}


def _make_explorer(_: Path) -> Results:
    """What the page holds, from numbers that every processor draws alike, since it rounds them; and its sources."""
    masks, draw, n_inputs, n_units = _masks(), stream("test explorer"), SIZES[0], SIZES[1]
    keys = {"dataset": "photos", "method": "imp", "seed": 0, "density": 0.5}
    rows = {"round": np.repeat(range(len(masks) + 1), n_units), "unit": np.tile(range(n_units), len(masks) + 1)}
    columns = {name: draw.uniform(1, 9, len(rows["unit"])) for name in COLUMNS}
    table = pd.DataFrame({**keys, **rows, **columns, "converged": True})
    units = np.arange(0, n_units, 6)
    shape = (len(masks), len(units), n_inputs)
    details = {
        "units": units,
        "weights": draw.uniform(-1, 1, shape[1:]),
        "n_images": np.array([40]),
        "histogram_imp": draw.integers(0, 9, (len(masks) + 1, len(units), 40)),
        "scores": draw.uniform(-1, 1, shape),
        "has_score": draw.random(shape) < 0.9,
    }
    text = make_explorer(
        "test",
        [Run("photos", "imp", 0, masks)],
        {("photos", 0): details},
        {"photos": (3, 6, 6)},
        Tables(table, table, pd.DataFrame({**keys, **made.training()}), made.claims()),
        clone_suffix="-clone",
    )
    blocks = re.findall(r'octet-stream" id="([\w-]+)">([^<]*)<', text)
    found = {name: np.frombuffer(zlib.decompress(base64.b64decode(content)), np.uint8) for name, content in blocks}
    return found | {"sources": [page_text(manifest="", blocks="")]}


def _make_film(_: Path) -> Results:
    film = make_film(_masks(), (3, 6, 6), dataset="photos", method="imp", seed=0, units=9)
    return {"frames": PALETTE[film.frames] / 255, "seconds": film.seconds}


STEPS: dict[str, Callable[[Path], Results]] = {
    "prepare_dataset": _prepare_dataset,
    "clone_gaussian": _clone_gaussian,
    "blend_dataset": _blend_dataset,
    "train_dense": _train_dense,
    "prune_imp_first_round": lambda _: prune_imp_first_round(rewind=_parameters(0), trained=_parameters(1), **PRUNING),
    "prune_imp_round": _prune_imp_round,
    "prune_oneshot": lambda _: _numbered(_masks()),
    "prune_oneshot_network": _prune_oneshot_network,
    "prune_at_start": _prune_at_start,
    "prune_while_training": _prune_while_training,
    "prune_random": lambda _: _numbered(prune_random(_masks(), seed=1)),
    "prune_from_masks": _prune_from_masks,
    "reinitialise": lambda _: reinitialise(_parameters(0), 1, "uniform"),
    "retrain_pruned": _retrain_pruned,
    "measure_locality": _measure_locality,
    "measure_kurtosis": _measure_kurtosis,
    "measure_participation": lambda _: measure_participation(_parameters(0), with_full_mask(_masks())),
    "measure_positions": lambda _: measure_positions(_parameters(0), with_full_mask(_masks()), (3, 6, 6)),
    "measure_nongaussianity": _measure_nongaussianity,
    "measure_cavity": _measure_cavity,
    "measure_cavity_example": _measure_cavity_example,
    "measure_layers_locality": _measure_layers_locality,
    "measure_layers_kurtosis": _measure_layers_kurtosis,
    "measure_layers_cavity": lambda folder: measure_layers_cavity(**_of_layers(folder)),
    "measure_layers_positions": lambda _: measure_layers_positions(
        _parameters(0), with_full_mask(_masks()), (3, 6, 6), layers=[1, 2]
    ),
    "measure_layers_nongaussianity": _measure_layers_nongaussianity,
    "gather_statistic": _gather_statistic,
    # Of images with heavy tails: independent components of others are decided by rounding.
    "measure_components": lambda _: measure_components(photo_like(400, (3, 6, 6), 4, seed=1), number=9),
    "measure_details": _measure_details,
    "gather_choices": _gather_choices,
    "compare_choices": lambda _: synthetic.sensitivity(TINY).to_dict("list"),
    "follow_dial": _follow_dial,
    "compare_methods": lambda _: synthetic.methods(TINY).to_dict("list"),
    "check_claims": _check_claims,
    "plot_figures": _plot_figures,
    "make_explorer": _make_explorer,
    "make_film": _make_film,
    "typeset_tables": _typeset_tables,
}
"""What a step makes of its inputs, given an empty folder; by the name of its version."""
