"""The experiment's tables to read and to print: claims, settings, versions; where choices are varied, sensitivity."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from winnow.store.datasets import Dataset
from winnow.typeset.markup import Table


class Images(NamedTuple):
    """What a dataset is, in numbers."""

    n_inputs: int
    n_classes: int
    n_train: int
    n_validation: int

    @classmethod
    def of(cls, dataset: Dataset) -> "Images":
        """The numbers of a dataset on disk."""
        images = (len(split.labels) for split in (dataset.train, dataset.validation))
        return cls(math.prod(dataset.shape), len(dataset.classes), *images)


PAPER = {
    "Architecture": "3072:1024:1024:1000",
    "Activation function": "ReLU",
    "Batch size": "40",
    "Learning rate": "0.1",
    "Optimizer": "SGD",
    "Training iterations": "40,000",
    "Rewind iteration": "1,000",
}
"""Table S1 of the paper."""

VERDICTS = ("supported", "not supported", "undetermined")


def typeset_tables(
    claims: pd.DataFrame,
    record: Mapping[str, Any],
    datasets: Mapping[str, Images],
    sensitivity: pd.DataFrame | None = None,
) -> dict[str, Table]:
    """The tables by name.

    Args:
        claims: table `claims`.
        record: what computed the results, see `winnow.job.record`.
        datasets: the datasets of the configuration, without their clones.
        sensitivity: table `sensitivity`, where choices are varied.
    """
    experiment = record["configuration"]["experiment"]
    return {
        "claims": _claims(claims, experiment),
        **({} if sensitivity is None else {"sensitivity": _sensitivity(sensitivity, experiment)}),
        "settings": _settings(record["configuration"], datasets),
        "versions": _versions(record, experiment),
    }


def count_verdicts(claims: pd.DataFrame) -> str:
    """How many claims have which verdict on each dataset, for a caption: reStructuredText."""
    decided = _decided(claims)
    texts = []
    for dataset, rows in decided.groupby("dataset", sort=False):
        of_each = []
        for verdict in VERDICTS:
            numbers = rows.loc[rows["verdict"] == verdict, "claim"].tolist()
            if numbers:
                of_each.append(f"{len(numbers)} {verdict} ({', '.join(numbers)})")
        texts.append(f"on ``{dataset}`` {', '.join(of_each)}")
    return f"*This run*: of the claims, {'; '.join(texts)}.\n" if texts else ""


def _decided(claims: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold a claim's verdict over all seeds."""
    return claims[claims["seed"].isna() & claims["verdict"].notna()]


def _claims(claims: pd.DataFrame, experiment: str) -> Table:
    """A row a claim and dataset; where there is one dataset, it is named above."""
    decided = _decided(claims)
    datasets = list(decided["dataset"].unique())
    named = ("dataset",) if len(datasets) != 1 else ()
    rows = [
        [
            *(str(row[name]) for name in (*named, "claim", "statement")),
            _verdict(row),
            str(row["statistic"]),
            _number(row["value"]),
            *(f"{_number(row[low])} to {_number(row[high])}" if _known(row[low]) else "" for low, high in _RANGES),
            _number(row["p_adjusted"]),
        ]
        for _, row in decided.iterrows()
    ]
    headings = ("Claim", "Statement", "Verdict", "Statistic", "Mean", "Over seeds", "95 %", "p")
    where = "" if named else f", on {datasets[0]}"
    caption = (
        f"The paper's claims, experiment {experiment}{where}: the statistic that decides, its mean, range over the "
        "seeds and 95 % interval (t), and the exact p of the sign-flip test, adjusted for the number of claims."
    )
    widths = (0.0, 0.22, 0.145, 0.18, 0.0, 0.09, 0.09, 0.0)
    if not named:
        return Table(caption, headings, rows, widths, 10)
    narrower = (0.08, 0.0, 0.16, 0.145, 0.15, *widths[4:])
    return Table(caption, ("Dataset", *headings), rows, narrower, 6)


def _verdict(row: "pd.Series[Any]") -> str:
    """The verdict, why it is none, and how many seeds agree."""
    why = f": {row['reason']}" if _known(row["reason"]) else ""
    return f"{row['verdict']}{why}" + (f"; {row['agreement']}" if _known(row["agreement"]) else "")


def _sensitivity(sensitivity: pd.DataFrame, experiment: str) -> Table:
    """A row a choice, a column a claim."""
    claims = sensitivity["claim"].unique().tolist()
    rows = []
    for choice, of_choice in sensitivity.groupby("choice", sort=False, dropna=False):
        cells = {row["claim"]: _effect(row) for _, row in of_choice.iterrows()}
        changes = of_choice["changes"].iloc[0]
        rows.append(
            [f"{choice}: {changes}" if _known(changes) else "own settings", *(cells[claim] for claim in claims)]
        )
    caption = (
        f"Which claims depend on which choice, experiment {experiment}: for each claim the statistic that decides it, "
        "its mean over the seeds, and the verdict, S: supported, N: not supported, U: undetermined; ≠: not the verdict "
        "under the experiment's own settings, which the first row has. Units: table of claims. Intervals: figure 9."
    )
    widths = (0.22, *[round(0.65 / max(len(claims), 1), 3)] * len(claims))
    return Table(caption, ("Choice", *(f"Claim {claim}" for claim in claims)), rows, widths)


def _effect(row: "pd.Series[Any]") -> str:
    """Such as `0.33 S`: a narrow column has room for two digits."""
    mark = f"{str(row['verdict'])[0].upper()}{' ≠' if row['differs'] is True else ''}"
    return f"{_number(row['effect'], 2)} {mark}".strip()


_RANGES = (("minimum", "maximum"), ("interval_low", "interval_high"))

_BIASES = {"pooled": "pruned with the weights", "apart": "pruned in pools of their own", "kept": "not pruned"}


def _known(value: object) -> bool:
    return not pd.isna(value)  # type: ignore[call-overload]


def _number(value: float | None, digits: int = 3) -> str:
    """So many digits, with a minus sign; nothing where there is none."""
    return f"{value:.{digits}g}".replace("-", "−") if value is not None and _known(value) else ""


def _settings(configuration: Mapping[str, Any], datasets: Mapping[str, Images]) -> Table:
    """In the form of Table S1, the paper's values beside this experiment's, and what the paper says elsewhere."""
    network, training, pruning = (configuration[name] for name in ("network", "training", "pruning"))
    hidden = ":".join(map(str, network["hidden"]))
    rows = []
    for name, images in datasets.items():
        of = f" ({name})" if len(datasets) > 1 else ""
        rows.append((f"Architecture{of}", f"{images.n_inputs}:{hidden}:{images.n_classes}"))
    rows += [
        ("Activation function", "ReLU"),
        *([] if network["batch_norm"] else [("Batch norm", "none")]),
        ("Batch size", f"{training['batch']:,}" + ("" if training["replacement"] else ", without replacement")),
        ("Learning rate", _rate(training)),
        ("Optimizer", _optimiser(training)),
        ("Training iterations", f"{training['steps']:,}"),
        ("Rewind iteration", f"{training['rewind']:,}"),
        ("Initial weights", f"Glorot, {network['initial_weights']}"),
        ("Pruning rounds", str(pruning["rounds"])),
        ("Share pruned in a round", f"{100 * pruning['share']:g} %"),
        ("Pruned together", {"layerwise": "the parameters of a layer", "global": "all parameters"}[pruning["pool"]]),
        *([("Biases", _BIASES[pruning["biases"]])] if "biases" in pruning else []),
        ("Criterion", str(pruning["criterion"])),
        ("Methods", ", ".join(configuration["methods"])),
        ("Seeds", ", ".join(map(str, configuration["seeds"]))),
        *([("Choices varied", ", ".join(configuration["choices"]))] if configuration.get("choices") else []),
    ]
    for name, images in datasets.items():
        own = configuration["datasets"][name]
        clone = "without clone" if own.get("clone") is None else "with Gaussian clone"
        rows.append((f"Images ({name})", f"source {own['source']}, {clone}"))
        rows.append((f"Images for training ({name})", f"{images.n_train:,}"))
        rows.append((f"Images for validation ({name})", f"{images.n_validation:,}"))
    caption = f"Settings of the experiment {configuration['experiment']} beside Table S1 of the paper."
    cells = [(what, value, PAPER.get(what.partition(" (")[0], "")) for what, value in rows]
    return Table(caption, ("Parameter", "Here", "Paper"), cells, (0, 0.38, 0))


def _rate(training: Mapping[str, Any]) -> str:
    """The learning rate, and how it changes."""
    rate = f"{training['rate']:g}"
    if training["schedule"] == "step":
        places = ", ".join(f"{100 * share:g} %" for share in training["milestones"])
        return f"{rate}, times {training['rate_factor']:g} at {places or 'no step'} of the iterations"
    return rate if training["schedule"] == "constant" else f"{rate}, falls to 0 as a {training['schedule']}"


def _optimiser(training: Mapping[str, Any]) -> str:
    """SGD, and what is not plain about it."""
    parts = {"momentum": training["momentum"], "weight decay": training["weight_decay"]}
    return ", ".join(["SGD", *(f"{name} {value:g}" for name, value in parts.items() if value)])


def _versions(record: Mapping[str, Any], experiment: str) -> Table:
    """What computed: code, Python, packages and machines, each value that occurs."""
    found: dict[str, dict[str, None]] = {}
    for maker in record["made_by"]:
        entries = {"winnow, commit": maker.get("commit"), "Python": maker["python"]}
        machine = maker.get("machine", {})
        entries |= {"Processor": machine.get("processor"), "System": machine.get("system")}
        entries |= maker["packages"]
        for name, version in entries.items():
            if version:
                found.setdefault(name, {})[version] = None
    first = ("winnow, commit", "Python", "Processor", "System")
    names = [name for name in first if name in found] + sorted(found.keys() - set(first), key=str.lower)
    devices = dict.fromkeys(made["device"] for made in record["made_with"].values() if "device" in made)
    rows = [(name, ", ".join(found[name])) for name in names]
    rows[len([name for name in first if name in found]) : 0] = [("Devices", ", ".join(devices))] if devices else []
    caption = f"What computed the results of the experiment {experiment}; what several jobs had in common, once."
    return Table(caption, ("What", "Version"), rows, (0, 0.7))
