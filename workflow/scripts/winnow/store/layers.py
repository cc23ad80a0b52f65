"""The tables of several layers: those of the first layer, with a column `layer` and what deeper ones need."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from winnow.store.columns import FLOAT, INTEGER, column

_LAYER = column("layer", INTEGER, "hidden layer, 1: the first")
_UNIT_OF_LAYER = column("unit", INTEGER, "index of the unit in its layer")
_FAN_IN = column("n_weights", INTEGER, "fan-in: surviving weights of the unit in its own layer", "weights")
_REACHED = column(
    "n_reached", INTEGER, "inputs of the image from which a path of surviving weights leads to the unit", "inputs"
)


def schemas_of_layers(first: Mapping[str, pa.Schema], keys: Sequence["pa.Field[pa.DataType]"]) -> dict[str, pa.Schema]:
    """The schemas of the tables of layers.

    Args:
        first: the schemas of the tables of the first layer.
        keys: the columns that all of them begin with.
    """

    def of_layers(
        table: str, *more: "pa.Field[pa.DataType]", without: Sequence[str] = ()
    ) -> list["pa.Field[pa.DataType]"]:
        """A table's columns: the layer behind the keys, and further columns before the others."""
        left_out = {key.name for key in keys} | {*without}
        others = [first[table].field(name) for name in first[table].names if name not in left_out]
        return [*keys, _LAYER, *more, *others]

    columns = {
        "layers_locality": [
            *of_layers(
                "locality",
                _UNIT_OF_LAYER,
                _FAN_IN,
                _REACHED,
                column("share_reached", FLOAT, "share of the inputs that is reached; 1: the field is the whole image"),
                column("n_paths", FLOAT, "paths from inputs to the unit, exact up to 2^53", "paths"),
                without=("unit", "n_weights"),
            ),
            column(
                "ipr",
                FLOAT,
                "inverse participation ratio of the products of weights along paths, summed for each input, at the "
                "start: sum w^4 / (sum w^2)^2",
                nullable=True,
            ),
            column("ipr_paths", FLOAT, "the same of the numbers of paths from each input", nullable=True),
            column(
                "path_entropy",
                FLOAT,
                "entropy of a pixel's position, chosen by its number of paths to the unit",
                "nats",
                True,
            ),
            column("path_variance_x", FLOAT, "variance of that pixel's column", "pixels^2", True),
            column("path_variance_y", FLOAT, "variance of that pixel's row", "pixels^2", True),
            column(
                "mixed_share_reached",
                FLOAT,
                "share_reached of a mixed field: as many inputs of the unit, drawn at random from the layer below",
            ),
            column("mixed_path_variance_x", FLOAT, "path_variance_x of the mixed field", "pixels^2", True),
            column("mixed_path_variance_y", FLOAT, "path_variance_y of the mixed field", "pixels^2", True),
        ],
        "layers_pair_correlation": [
            *of_layers("pair_correlation"),
            column(
                "mixed_g", FLOAT, "g if each unit's inputs were drawn at random from the layer below", nullable=True
            ),
        ],
        "layers_kurtosis_by_unit": of_layers("kurtosis_by_unit", _UNIT_OF_LAYER, without=("unit",)),
        "layers_kurtosis_by_class": of_layers("kurtosis_by_class"),
        "layers_cavity": of_layers("cavity"),
        "layers_positions": of_layers("positions", _UNIT_OF_LAYER, _FAN_IN, _REACHED, without=("unit", "n_weights")),
        "layers_nongaussianity_by_unit": of_layers("nongaussianity_by_unit", _UNIT_OF_LAYER, without=("unit",)),
        "layers_nongaussianity_by_class": of_layers("nongaussianity_by_class"),
    }
    return {name: pa.schema(fields) for name, fields in columns.items()}
