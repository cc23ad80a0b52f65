"""The wrong lines, and where they should be seen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A wrong line.

    Attributes:
        name: what is wrong, in words.
        file: where, in the library.
        right: the text that is there once.
        wrong: what takes its place.
        tests: the tests that should see it, in the folder of the tests; few, so that all of this takes seconds.
    """

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


LINES = [
    Line(
        "the largest are pruned, not the smallest",
        "pruning/scores.py",
        "values = score[candidates]",
        "values = -score[candidates]",
        ("pruning/test_pruning.py::test_negative_survivors_stay_as_positive_ones_do",),
    ),
    Line(
        "a parameter more than the round is to keep",
        "pruning/schedule.py",
        "return round(n_parameters * float((1 - share) ** n))",
        "return min(round(n_parameters * float((1 - share) ** n)) + 1, n_parameters)",
        ("pruning/test_pruning.py::test_the_number_of_survivors_by_hand",),
    ),
    Line(
        "pruned parameters are trained",
        "training/reference.py",
        "if name in self._masks:",
        'if name in self._masks and name.endswith("bias"):',
        ("training/test_imp.py::test_pruned_parameters_stay_zero_and_negative_survivors_learn",),
    ),
    Line(
        "kurtosis with the sample's variance",
        "measure/kurtosis.py",
        "np.divide(n * sum4, sum2**2,",
        "np.divide((n - 1) ** 2 / n * sum4, sum2**2,",
        ("measure/test_kurtosis.py::test_is_scipys_by_unit_and_by_class",),
    ),
    Line(
        "autocorrelation of the first channel only",
        "measure/autocorrelation.py",
        "xp.imag(spectrum) ** 2, axis=1)",
        "xp.imag(spectrum) ** 2, axis=1, where=np.arange(n_channels)[:, None, None] == 0)",
        ("measure/test_locality.py::test_the_full_mask_gives_the_triangle_of_the_window",),
    ),
    Line(
        "4 for 6 before the cavity score's M22",
        "measure/cavity_scores.py",
        "6 * m22",
        "4 * m22",
        ("measure/test_cavity.py::test_every_score_is_that_of_recomputing",),
    ),
    Line(
        "batch norm keeps what it should forget",
        "training/autograd.py",
        "nn.BatchNorm1d(n, norm_epsilon, 1 - norm_keep)",
        "nn.BatchNorm1d(n, norm_epsilon, norm_keep)",
        ("training/test_imp.py::test_batch_norm_by_hand",),
    ),
    Line(
        "the clone's covariance divided by n, not n - 1",
        "clone/gaussian.py",
        "np.sqrt(len(images) - 1)",
        "np.sqrt(len(images))",
        ("test_clone.py::test_root_is_the_covariance_exactly",),
    ),
    Line(
        "files that have their name before they are on the disk",
        "store/atomic.py",
        "        os.fsync(opened)\n",
        "        pass\n",
        (
            "store/test_integrity.py::test_a_file_is_on_the_disk_before_it_has_its_name",
            "store/test_integrity.py::test_a_dataset_is_on_the_disk_before_it_has_its_name",
        ),
    ),
    Line(
        "a mean score of zero counts as negative",
        "claims/statistics.py",
        'cells["mean_score"] < 0)',
        'cells["mean_score"] <= 0)',
        ("claims/test_claims.py::test_a_mean_score_of_zero_has_neither_of_the_signs",),
    ),
]
