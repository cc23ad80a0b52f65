"""The columns of every statistics table: names, types, physical meaning and unit."""

import pyarrow as pa

from winnow.store.columns import BOOL, FLOAT, INTEGER, TEXT, column
from winnow.store.layers import schemas_of_layers

_DATASET = column("dataset", pa.string(), "dataset, as named in the configuration; a Gaussian clone ends in -clone")
# These words are bytes of every table: the paper's methods stand for all of the configuration's.
_METHOD = column("method", pa.string(), "how the mask was found: imp, oneshot or random")
_SEED = column("seed", pa.int64(), "seed of the run: weights, batches, random masks")
_ROUND = column("round", pa.int64(), "pruning rounds done: the statistic belongs to the mask m(round)", "rounds")
_DENSITY = column("density", pa.float64(), "share of the prunable parameters that survive in m(round)")
KEYS = (_DATASET, _METHOD, _SEED, _ROUND, _DENSITY)

_UNIT = column("unit", INTEGER, "index of the first-layer unit")

_WIDTHS = (
    column("sigma_x", FLOAT, "receptive-field width along a row: Gaussian fit to S(d), Eq. 1", "pixels", True),
    column("sigma_y", FLOAT, "receptive-field width along a column: Gaussian fit to S(d), Eq. 1", "pixels", True),
    column("moment_x", FLOAT, "root of the second moment of S(d) along a row", "pixels", True),
    column("moment_y", FLOAT, "root of the second moment of S(d) along a column", "pixels", True),
    column("converged", BOOL, "whether the fit converged; null where there was nothing to fit", nullable=True),
)

_NEGENTROPIES = tuple(
    column(
        f"negentropy_{which}",
        FLOAT,
        f"Hyvarinen's approximation to the negentropy with {function}; of a class the mean over units; 0: Gaussian",
        "nats",
        True,
    )
    for which, function in {"a": "|y|", "b": "exp(-y^2 / 2)"}.items()
)

_INTERVAL = (
    column("interval_low", FLOAT, "lower end of the mean's 95 % interval over seeds (t)", nullable=True),
    column("interval_high", FLOAT, "upper end of the mean's 95 % interval over seeds (t)", nullable=True),
)
_N_SEEDS = column("n_seeds", INTEGER, "seeds of the summary", "seeds", True)

_METHOD_OR_DIFFERENCE = (
    column("method", TEXT, "name of the method in the configuration"),
    column("compared_with", TEXT, "the method whose value is subtracted; null: the value itself", nullable=True),
)
_STATISTIC = column("statistic", TEXT, "as in the table methods")

SCHEMAS: dict[str, pa.Schema] = {
    "locality": pa.schema(
        [
            *KEYS,
            _UNIT,
            column("n_weights", INTEGER, "surviving weights of the unit", "weights"),
            *_WIDTHS,
            *(
                column(
                    f"chance_sigma_{axis}",
                    FLOAT,
                    f"sigma_{axis} of one random mask with the unit's number of weights in each channel; null where "
                    "its fit does not converge",
                    "pixels",
                    True,
                )
                for axis in "xy"
            ),
            column("close_pairs", FLOAT, "pairs of the unit's weights 1/2 <= |d| < 7/2 pixels apart", "pairs", True),
            column(
                "close_pairs_expected",
                FLOAT,
                "their mean over random masks with the unit's number of weights in each channel",
                "pairs",
                True,
            ),
            column("close_pairs_deviation", FLOAT, "their standard deviation over such masks", "pairs", True),
            column("close_pairs_p", FLOAT, "share of such masks with at least as many close pairs", nullable=True),
        ]
    ),
    "locality_population": pa.schema(
        [
            *KEYS,
            column("n_units", INTEGER, "units of the first layer", "units"),
            column("n_without_width", INTEGER, "units with too few weights to have a width", "units"),
            *_WIDTHS,
        ]
    ),
    "pair_correlation": pa.schema(
        [
            *KEYS,
            column("radius", INTEGER, "distance r between two connected pixels: r - 1/2 <= |d| < r + 1/2", "pixels"),
            column("pairs", FLOAT, "pairs of surviving weights at this distance", "pairs"),
            column(
                "expected_pairs",
                FLOAT,
                "pairs to expect if the weights of each unit and channel lay at random",
                "pairs",
            ),
            column("g", FLOAT, "pair correlation pairs / expected_pairs; 1 means no structure", nullable=True),
        ]
    ),
    "kurtosis_by_unit": pa.schema(
        [
            *KEYS,
            _UNIT,
            column("kurtosis", FLOAT, "kurtosis of the preactivation over all validation images, Eq. 4", nullable=True),
        ]
    ),
    "kurtosis_by_class": pa.schema(
        [
            *KEYS,
            column("class", INTEGER, "index of the class"),
            column(
                "kurtosis_mean", FLOAT, "mean over units of the kurtosis over the images of the class", nullable=True
            ),
            column(
                "kurtosis_median",
                FLOAT,
                "median over units of the kurtosis over the images of the class",
                nullable=True,
            ),
            column("n_units", INTEGER, "units that have a kurtosis (their preactivation varies)", "units"),
        ]
    ),
    "participation": pa.schema(
        [
            *KEYS,
            _UNIT,
            column("n_weights", INTEGER, "surviving weights of the unit", "weights"),
            column(
                "ipr",
                FLOAT,
                "inverse participation ratio of the unit's surviving weights at the start: sum w^4 / (sum w^2)^2; 1 "
                "over their number if all are of one size",
                nullable=True,
            ),
        ]
    ),
    "positions": pa.schema(
        [
            *KEYS,
            _UNIT,
            column("n_weights", INTEGER, "fan-in: surviving weights of the unit", "weights"),
            column(
                "position_entropy",
                FLOAT,
                "entropy of a pixel's position, chosen by the unit's squared weights at the start; log of the number "
                "of pixels if all weigh alike",
                "nats",
                True,
            ),
            column("position_variance_x", FLOAT, "variance of that pixel's column", "pixels^2", True),
            column("position_variance_y", FLOAT, "variance of that pixel's row", "pixels^2", True),
            column(
                "nearest_distance",
                FLOAT,
                "mean distance from a surviving weight to the nearest other one of the unit and channel",
                "pixels",
                True,
            ),
            column(
                "nearest_distance_expected",
                FLOAT,
                "its mean over random masks with the unit's number of weights in each channel",
                "pixels",
                True,
            ),
        ]
    ),
    "nongaussianity_by_unit": pa.schema(
        [
            *KEYS,
            _UNIT,
            column("skewness", FLOAT, "skewness of the preactivation over all validation images", nullable=True),
            column("sixth_cumulant", FLOAT, "its sixth cumulant, of variance 1; 0 for a Gaussian", nullable=True),
            *_NEGENTROPIES,
        ]
    ),
    "nongaussianity_by_class": pa.schema(
        [
            *KEYS,
            column("class", INTEGER, "index of the class"),
            column(
                "skewness_size",
                FLOAT,
                "mean over units of the absolute skewness over the images of the class",
                nullable=True,
            ),
            column("sixth_cumulant_mean", FLOAT, "mean over units of the sixth cumulant, of variance 1", nullable=True),
            column("sixth_cumulant_median", FLOAT, "median over units of the same", nullable=True),
            *_NEGENTROPIES,
            column("n_units", INTEGER, "units whose preactivation varies", "units"),
        ]
    ),
    "cavity": pa.schema(
        [
            *KEYS,
            column("fates_of", TEXT, "whose nested masks say when a weight is removed: imp, oneshot or random"),
            column("rounds_done", INTEGER, "n: the scores belong to the rewind point under m(n)", "rounds"),
            column("removed_in", INTEGER, "round that removes the weights; null: they survive all", "rounds", True),
            column("mean_score", FLOAT, "mean cavity score of the group, Eq. 5", nullable=True),
            column("scaled_mean", FLOAT, "N_W(n) x mean_score, as in Fig. 5", nullable=True),
            column("share_positive", FLOAT, "share of the group's scores above zero", nullable=True),
            column("n_weights", INTEGER, "weights of the group", "weights"),
            column("n_without_score", INTEGER, "weights of the group whose removal leaves no variance", "weights"),
        ]
    ),
    "cavity_example": pa.schema(
        [
            _DATASET,
            _SEED,
            _UNIT,
            column("input", INTEGER, "index of the removed weight's input (channel, row, column)"),
            column("score", FLOAT, "cavity score of the removed weight, Eq. 5"),
            column("kurtosis_with", FLOAT, "kurtosis of the preactivation with the weight"),
            column("kurtosis_without", FLOAT, "kurtosis of the preactivation without the weight"),
            column(
                "preactivation",
                FLOAT,
                "centre of the histogram's bin, standardised preactivation",
                "standard deviations",
            ),
            column("density_with", FLOAT, "probability density with the weight", "1 / standard deviation"),
            column("density_without", FLOAT, "probability density without the weight", "1 / standard deviation"),
        ]
    ),
    "training": pa.schema(
        [
            *KEYS,
            column("step", INTEGER, "SGD steps done", "steps"),
            column("loss", FLOAT, "mean cross-entropy of the training batches since the last row", "nats"),
            column("train_accuracy", FLOAT, "accuracy on the training batches since the last row"),
            column("validation_accuracy", FLOAT, "accuracy on all validation images, running batch-norm statistics"),
            column("engine", TEXT, "engine that trained: reference, dense, sparse or graph"),
            column("device", TEXT, "where it trained: cpu, or the name of the GPU"),
            column("precision", TEXT, "of the training: float32, float64, or tf32 if a GPU was asked for it"),
        ]
    ),
    "certificate": pa.schema(
        [
            _DATASET,
            column("class", INTEGER, "index of the class"),
            column("channel", INTEGER, "colour channel; null: all channels together", nullable=True),
            column("statistic", TEXT, "mean, covariance, kurtosis_random or kurtosis_pixel; see clone.certify"),
            column("n_fit", INTEGER, "images the Gaussian was fitted to", "images"),
            column("n_drawn", INTEGER, "images drawn", "images"),
            column("source", FLOAT, "kurtosis of the fit images; null for mean and covariance", nullable=True),
            column("clone", FLOAT, "of the images drawn: kurtosis, or relative error of the moment", nullable=True),
            column("expected", FLOAT, "mean to expect of `clone` from so many Gaussian draws", nullable=True),
            column("standard_error", FLOAT, "standard deviation to expect of `clone`", nullable=True),
        ]
    ),
    "methods": pa.schema(
        [
            _DATASET,
            column("method", TEXT, "name of the method in the configuration"),
            _ROUND,
            column("density", FLOAT, "share of the prunable parameters that survive, mean over the seeds"),
            column(
                "statistic",
                TEXT,
                "width (pixels), pair_correlation (mean of g(r) over r = 1 ... 3), ipr, kurtosis, accuracy, "
                "cavity_signs, dead_units, fitted_units, and more where measured; see claims.methods",
            ),
            column(
                "compared_with",
                TEXT,
                "the method whose value is subtracted, seed by seed; null: the value itself",
                nullable=True,
            ),
            column("seed", INTEGER, "seed; null: the summary over the seeds", nullable=True),
            column("value", FLOAT, "value or difference; in the summary its mean over the seeds", nullable=True),
            column("minimum", FLOAT, "smallest over the seeds", nullable=True),
            column("maximum", FLOAT, "largest over the seeds", nullable=True),
            *_INTERVAL,
            column("effect_size", FLOAT, "of a difference: mean / standard deviation over the seeds", nullable=True),
            column("p_value", FLOAT, "of a difference: exact two-sided sign-flip test over the seeds", nullable=True),
            _N_SEEDS,
            column("reason", TEXT, "why there is no value", nullable=True),
        ]
    ),
    "responses": pa.schema(
        [
            _DATASET,
            column(
                "arm",
                TEXT,
                "source of the images, or dataset that is blended; Gaussian images are in all arms without own ones",
            ),
            column(
                "dial",
                FLOAT,
                "excess kurtosis of the pixels, or natural share of a blend's variance; 0: Gaussian images",
            ),
            *_METHOD_OR_DIFFERENCE,
            column("seed", INTEGER, "seed of the run"),
            _ROUND,
            column("density", FLOAT, "share of the prunable parameters that survive, mean over the seeds"),
            _STATISTIC,
            column("value", FLOAT, "value or difference", nullable=True),
        ]
    ),
    "trends": pa.schema(
        [
            column("arm", TEXT, "source of the images, or dataset that is blended"),
            *_METHOD_OR_DIFFERENCE,
            _STATISTIC,
            column("n_levels", INTEGER, "levels of the dial, the Gaussian among them"),
            column("n_seeds", INTEGER, "seeds, the blocks of the test", "seeds"),
            column("at_zero", FLOAT, "mean over the seeds on Gaussian images", nullable=True),
            column("at_end", FLOAT, "mean over the seeds at the last level", nullable=True),
            column("page_l", FLOAT, "Page's L, levels in the order of |dial|", nullable=True),
            column("p_rising", FLOAT, "exact p of a rise away from the Gaussian, one-sided", nullable=True),
            column("p_falling", FLOAT, "exact p of a fall away from the Gaussian, one-sided", nullable=True),
            column(
                "p_adjusted",
                FLOAT,
                "two-sided p, adjusted for the number of tests in the table (Benjamini-Yekutieli)",
                nullable=True,
            ),
            column("reason", TEXT, "why there is no test", nullable=True),
        ]
    ),
    "claims": pa.schema(
        [
            _DATASET,
            column("claim", TEXT, "number of the claim, in the order of the paper; 1b: claim 1 by another measure"),
            column("statement", TEXT, "what the paper says"),
            column("place", TEXT, "version of the paper, and where it says so"),
            column("statistic", TEXT, "what is computed to check it"),
            column("seed", INTEGER, "seed; null: the summary over the seeds", nullable=True),
            column("value", FLOAT, "the statistic; in the summary its mean over the seeds", nullable=True),
            column("minimum", FLOAT, "smallest value over the seeds", nullable=True),
            column("maximum", FLOAT, "largest value over the seeds", nullable=True),
            column("null", FLOAT, "value to expect if there were no effect; null: there is none", nullable=True),
            *_INTERVAL,
            column("effect_size", FLOAT, "(mean - null) / standard deviation over the seeds", nullable=True),
            column("p_value", FLOAT, "exact two-sided sign-flip test over the seeds", nullable=True),
            column(
                "p_adjusted",
                FLOAT,
                "p_value of a deciding statistic, adjusted for the number of them (Benjamini-Yekutieli)",
                nullable=True,
            ),
            _N_SEEDS,
            column("n_agree", INTEGER, "seeds for which the claim holds", "seeds", True),
            column("chance", FLOAT, "probability of so many agreeing seeds, or more, by chance", nullable=True),
            column("agreement", TEXT, "the same in words", nullable=True),
            column(
                "rule",
                TEXT,
                "the rule of the verdict; null: the statistic stands beside the deciding one",
                nullable=True,
            ),
            column("verdict", TEXT, "supported, not supported or undetermined; null: does not decide", nullable=True),
            column("reason", TEXT, "why there is no value, or no verdict", nullable=True),
        ]
    ),
    "sensitivity": pa.schema(
        [
            column("dataset", TEXT, "dataset whose runs are varied, as named in the configuration"),
            column("choice", TEXT, "name of the choice; null: the experiment's own settings", nullable=True),
            column("changes", TEXT, "what the choice changes, in words", nullable=True),
            column("claim", TEXT, "number of the claim, as in the table claims"),
            column("statistic", TEXT, "the statistic that decides, with its unit"),
            column("effect", FLOAT, "its mean over the seeds", nullable=True),
            column("low", FLOAT, "lower end of the effect's 95 % interval over seeds (t)", nullable=True),
            column("high", FLOAT, "upper end of the effect's 95 % interval over seeds (t)", nullable=True),
            column("no_effect", FLOAT, "value to expect if there were no effect; null: there is none", nullable=True),
            column("threshold", FLOAT, "value that decides: the claim holds for a seed beyond it"),
            column("difference", FLOAT, "effect - that under the experiment's own settings", nullable=True),
            column("difference_low", FLOAT, "lower end of its 95 % interval, paired by seed (t)", nullable=True),
            column("difference_high", FLOAT, "upper end of its 95 % interval, paired by seed (t)", nullable=True),
            _N_SEEDS,
            column("verdict", TEXT, "supported, not supported or undetermined"),
            column(
                "differs", BOOL, "whether the verdict is another than the experiment's own; null: this", nullable=True
            ),
            column("reason", TEXT, "why there is no value, or no verdict", nullable=True),
        ]
    ),
}
"""The schema of each table: columns, their meaning and unit (field metadata)."""

SCHEMAS |= schemas_of_layers(SCHEMAS, KEYS)
