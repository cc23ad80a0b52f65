import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import OTHER_DEVICES, assert_same_table

from examples import examples
from reference import locality as reference
from winnow.masks import density
from winnow.measure import autocorrelation as correlating
from winnow.measure import widths
from winnow.measure.autocorrelation import autocorrelation, fold
from winnow.measure.locality import measure_locality
from winnow.measure.pair_correlation import pair_correlation
from winnow.measure.widths import fit_widths
from winnow.store.tables import read_table, write_table
from winnow.streams import stream

SHAPE = (3, 32, 32)


def as_mask(connected):
    """The mask of a first layer of these receptive fields, all biases surviving."""
    return {"layers.0.weight": connected.reshape(len(connected), -1), "layers.0.bias": np.ones(len(connected), bool)}


def blobs(n_units, shape, shares, seed):
    """Masks that look real: the best of a Gaussian bump of any place and width, plus noise; one share a unit."""
    draw = stream("blobs", seed)
    y, x = np.mgrid[: shape[1], : shape[2]]
    centre_y, centre_x = draw.uniform(0, shape[1], (2, n_units, 1, 1, 1))
    width_y, width_x = draw.uniform(0.1 * shape[1], 0.4 * shape[1], (2, n_units, 1, 1, 1))
    score = np.exp(-((x - centre_x) ** 2) / (2 * width_x**2) - (y - centre_y) ** 2 / (2 * width_y**2))
    score = score + draw.uniform(0, 1, (n_units, 1, 1, 1)) * draw.random((n_units, *shape))
    return np.stack([unit >= np.quantile(unit, 1 - share) for unit, share in zip(score, shares, strict=True)])


def sparse(kind, n_channels, seed):
    """A mask of up to 200 weights in 32 × 32 pixels."""
    draw = stream("sparse", kind, n_channels, seed)
    n_weights = int(np.exp(draw.uniform(np.log(5), np.log(200))))

    def dust(n):
        return draw.uniform(0, 32, (n, 2))

    def clump(n):
        return draw.uniform(0, 32, 2) + np.exp(draw.uniform(-0.5, 2, 2)) * draw.normal(size=(n, 2))

    def line(n):
        angle, length = draw.uniform(0, np.pi), draw.uniform(2, 32)
        along = draw.uniform(-length / 2, length / 2, (n, 1)) * (np.sin(angle), np.cos(angle))
        return draw.uniform(0, 32, 2) + along + 0.5 * draw.normal(size=(n, 2))

    some = draw.integers(1, n_weights)
    places = {
        "dust": lambda: dust(n_weights),
        "clump": lambda: clump(n_weights),
        "line": lambda: line(n_weights),
        "two clumps": lambda: np.concatenate([clump(some), clump(n_weights - some)]),
        "clump and dust": lambda: np.concatenate([clump(some), dust(n_weights - some)]),
    }[kind]()
    y, x = places[((places >= 0) & (places < 32)).all(axis=1)].astype(int).T
    mask = np.zeros((n_channels, 32, 32), bool)
    mask[draw.integers(0, n_channels, len(y)), y, x] = True
    return mask


HARD = {
    ("dust", 1): [2650, 2958],
    ("dust", 3): [8, 1203, 1815, 2170],
    ("clump", 1): [1766, 1798],
    ("clump", 3): [1208, 1782, 2186, 2730],
    ("line", 1): [1488, 2413],
    ("line", 3): [903, 1310, 1492, 2607],
    ("two clumps", 1): [588, 1011, 1131, 1985],
    ("two clumps", 3): [19, 769, 1147],
    ("clump and dust", 1): [732, 818, 1260, 1617],
    ("clump and dust", 3): [639, 664, 1561, 2184],
}
"""Seeds of `sparse`, by kind and channels, of masks whose best minimum is not below the lowest point of a coarse grid
(0.5 pixels, factor 1.5): narrow instead of wide, wide instead of narrow, at a limit instead of inside."""


def sums_to(side, weight):
    """S(d), zero but where given."""
    s = np.zeros((1, 2 * side - 1, 2 * side - 1))
    for (dy, dx), value in weight.items():
        s[0, side - 1 + dy, side - 1 + dx] = s[0, side - 1 - dy, side - 1 - dx] = value
    return s


# -- autocorrelation --------------------------------------------------------------------------------------------------


@settings(max_examples=examples(60), deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_autocorrelation_is_the_double_loop(shape, share, seed):
    connected = np.random.default_rng(seed).random(shape) < share
    expected = [reference.autocorrelation(mask) for mask in connected]
    np.testing.assert_array_equal(autocorrelation(connected), expected)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 45, 32), (3, 64, 64)])
def test_the_full_mask_gives_the_triangle_of_the_window(shape):
    rows, columns = shape[1:]
    triangle = shape[0] * np.outer(
        rows - abs(np.arange(1 - rows, rows)), columns - abs(np.arange(1 - columns, columns))
    )
    np.testing.assert_array_equal(autocorrelation(np.ones((2, *shape), bool)), [triangle, triangle])


def test_precision_is_chosen_by_size():
    assert correlating._precision(3, 32, 32) == "float32"
    assert correlating._precision(3, 64, 64) == "float64"


# -- widths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("include_origin", [False, True])
def test_a_gaussian_has_its_own_width(include_origin):
    side = 32
    d = np.arange(1 - side, side)
    sigma_x, sigma_y = np.array([[2.0, 3.0], [7.5, 1.0], [0.6, 0.5], [14.4, 14.4], [40, 9.0], [1.5, 60]]).T
    amplitude = np.array([3.0, 1e-3, 50, 1e6, 1, 2])
    s = np.exp(-(d**2) / (2 * sigma_x[:, None, None] ** 2) - d[:, None] ** 2 / (2 * sigma_y[:, None, None] ** 2))
    s *= amplitude[:, None, None]
    if not include_origin:
        s[:, side - 1, side - 1] = 1e9  # S(0) must not matter
    found = fit_widths(s, include_origin=include_origin)
    assert found.converged.all()
    np.testing.assert_allclose(found.sigma_x, sigma_x, rtol=1e-9)
    np.testing.assert_allclose(found.sigma_y, sigma_y, rtol=1e-9)
    np.testing.assert_allclose(found.amplitude, amplitude, rtol=1e-9)


@pytest.mark.parametrize("include_origin", [False, True])
def test_widths_are_those_of_curve_fit(include_origin):
    shares = [1.0, 0.7, 0.34, 0.17, 0.08, 0.04, 0.028, 0.01] * 2
    connected = np.concatenate([blobs(16, SHAPE, shares, 1), stream("random").random((4, *SHAPE)) < 0.1])
    s = autocorrelation(connected)
    found = fit_widths(s, include_origin=include_origin)
    assert found.converged.all()
    expected = [reference.fit_widths(si, reference.moments(si, include_origin), include_origin) for si in s]
    np.testing.assert_allclose(np.stack([found.sigma_x, found.sigma_y], axis=1), expected, rtol=0, atol=1e-3)


def test_the_window_of_a_random_mask_is_about_045_of_the_side():
    found = fit_widths(autocorrelation(stream("window").random((20, *SHAPE)) < 0.3))
    assert found.converged.all()
    assert found.sigma_x.mean() / 32 == pytest.approx(0.45, abs=0.005)


@pytest.mark.filterwarnings("ignore")  # scipy's, where a fit runs off
@pytest.mark.parametrize("n_weights", [3, 5, 8, 15])
def test_no_start_finds_a_better_fit_to_few_weights(n_weights):
    draw = stream("few", n_weights)
    connected = np.zeros((30, 1, 12, 12), bool)
    for mask in connected:
        mask.ravel()[draw.choice(144, n_weights, replace=False)] = True
    s = autocorrelation(connected)
    found = fit_widths(s)
    assert np.isfinite(found.sigma_x).all()
    for k, si in enumerate(s):
        error = reference.squared_error(si, found.amplitude[k], found.sigma_x[k], found.sigma_y[k])
        for start in ((1.0, 1.0), (3.0, 3.0), (1.0, 6.0), (6.0, 1.0)):
            try:
                sigma_x, sigma_y = np.clip(reference.fit_widths(si, start), 0.2, 24)
            except RuntimeError:  # scipy gave up
                continue
            dy, dx = reference.displacements(si)
            g = reference.gaussian((dx, dy), 1, sigma_x, sigma_y) * ((dx != 0) | (dy != 0))
            amplitude = (g * si).sum() / (g**2).sum()
            assert error <= reference.squared_error(si, amplitude, sigma_x, sigma_y) * (1 + 1e-9)


@pytest.mark.parametrize(("kind", "n_channels"), HARD)
def test_no_start_of_a_dense_grid_finds_a_better_fit_to_a_sparse_mask(kind, n_channels):
    s = autocorrelation(np.stack([sparse(kind, n_channels, seed) for seed in (*HARD[kind, n_channels], *range(6))]))
    found = fit_widths(s)
    for si, sigma_x, sigma_y, amplitude, converged in zip(s, *found, strict=True):
        (x, y, least), *others = reference.minima(si)
        off_origin = (si**2).sum() - si[31, 31] ** 2
        assert reference.squared_error(si, amplitude, sigma_x, sigma_y) / off_origin <= least + 1e-9
        others = [end for end in others if not np.allclose(end[:2], (x, y), rtol=1e-2)]
        if not others or others[0][2] > least + 1e-6:
            assert converged == (min(x, y) > 0.201 and max(x, y) < 63.9)
            if converged:
                np.testing.assert_allclose((sigma_x, sigma_y), (x, y), rtol=1e-4)


def test_the_highest_end_wins_and_of_equals_a_converged_one_and_the_first():
    ends = [  # unit, value, converged
        (0, 1.0, True),
        (0, 2.0, False),
        (2, 5.0, False),
        (2, 5.0 - 1e-13, True),
        (2, 5.0 + 1e-13, True),
        (2, 4.0, True),
        (5, -7.0, False),
        (5, -7.0, False),
    ]
    unit, value, converged = map(np.array, zip(*ends, strict=True))
    place = np.arange(len(ends))
    best = widths._best(widths._Ends(unit, value, np.stack([place, place], axis=1), place, converged))
    assert best.tolist() == [1, 3, 6]


def test_of_two_equally_good_fits_the_one_with_the_smaller_sigma_y_is_taken():
    d = np.arange(-15, 16)
    s = np.exp(-(d**2) / 100 - 2 * d[:, None] ** 2)
    found = fit_widths((s + s.T)[None])
    assert found.converged.all()
    assert found.sigma_y[0] < 1 < 5 < found.sigma_x[0]


def test_a_level_of_equal_starts_has_one():
    s = fold(autocorrelation(stream("rows").random((20, 1, 1, 12)) < 0.5))  # one row: σy does not matter
    unit, starts = widths._starts(s, include_origin=True)
    assert set(unit) == set(range(20))
    assert len(unit) < 60
    assert np.unique(starts[:, 1]) == pytest.approx(np.log(0.5))


def test_widths_of_zero_and_infinity_do_not_converge():
    side = 10
    corner = sums_to(side, {(dy, dx): 1.0 for dy in (-9, 9) for dx in (-9, 9)})
    row = sums_to(side, {(0, dx): np.exp(-(dx**2) / 18) for dx in range(1, 10)})
    neighbours = sums_to(side, {(0, 1): 1.0, (1, 0): 1.0})
    found = fit_widths(np.concatenate([corner, row, neighbours]))
    assert not found.converged.any()
    assert np.isfinite(found.sigma_x).all()
    assert found.sigma_x[0] == found.sigma_y[0] == pytest.approx(20)
    assert found.sigma_x[1] == pytest.approx(3, abs=1e-6)
    assert found.sigma_y[1] < 0.3
    assert max(found.sigma_x[2], found.sigma_y[2]) < 0.4


def test_nothing_to_fit_has_no_width():
    found = fit_widths(sums_to(5, {(0, 0): 7.0}))
    assert np.isnan(found.sigma_x).all()
    assert np.isnan(found.amplitude).all()
    assert not found.converged.any()
    assert fit_widths(np.zeros((0, 9, 9))).sigma_x.shape == (0,)
    assert np.isnan(fit_widths(np.ones((1, 1, 1))).sigma_y).all()
    below = sums_to(9, {(8, 8): 1.0}) - 0.5  # no Gaussian of positive amplitude
    assert np.isnan(fit_widths(below)[:3]).all()
    assert not fit_widths(below).converged.any()


def test_fits_do_not_depend_on_their_company(monkeypatch):
    s = autocorrelation(np.stack([sparse(kind, 1, seed) for kind, n in HARD if n == 1 for seed in range(3)]))
    together = fit_widths(s)
    monkeypatch.setattr(widths, "_FITS_AT_A_TIME", 2)
    for one, other in zip(fit_widths(s), together, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


# -- the tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("include_origin", [False, True])
@pytest.mark.parametrize("channels", ["same", "any"])
def test_tables_are_those_of_recomputing(channels, include_origin, tmp_path):
    shape = (2, 8, 8)
    n_units = 7
    rounds = [blobs(n_units, shape, np.full(n_units, share), 4) for share in (1.0, 0.5, 0.1)]
    rounds[2][0] = False
    rounds[2][1] = False
    rounds[2][1, :, 3, 2:4] = True  # four weights, two pixels
    masks = [as_mask(connected) for connected in rounds]
    masks[1]["layers.0.bias"][:5] = False
    for n, mask in enumerate(masks):
        mask["layers.1.weight"] = np.full((3, n_units), n != 1)
    tables = measure_locality(masks, shape, channels=channels, include_origin=include_origin, min_weights=5)

    for n, connected in enumerate(rounds):
        used = connected.any(axis=1, keepdims=True) if channels == "any" else connected
        s = np.stack([reference.autocorrelation(mask) for mask in used])
        units = {name: column[tables.units["round"] == n] for name, column in tables.units.items()}
        population = {name: column[n] for name, column in tables.population.items()}
        assert units["unit"].tolist() == list(range(n_units))
        assert units["density"] == pytest.approx(density(masks[n]))
        assert units["n_weights"].tolist() == connected.sum(axis=(1, 2, 3)).tolist()
        enough = units["n_weights"] >= 5
        assert [value is None for value in units["converged"]] == (~enough).tolist()
        for name in ("sigma_x", "sigma_y", "moment_x", "moment_y"):
            assert (np.isnan(units[name]) == ~enough).all()
        for k in np.flatnonzero(enough):
            moments = reference.moments(s[k], include_origin)
            assert (units["moment_x"][k], units["moment_y"][k]) == pytest.approx(moments)
            if units["converged"][k]:
                widths = reference.fit_widths(s[k], moments, include_origin)
                assert (units["sigma_x"][k], units["sigma_y"][k]) == pytest.approx(widths, abs=1e-3)
        assert sum(units["converged"][enough]) >= enough.sum() - 1

        assert (population["round"], population["n_units"], population["n_without_width"]) == (n, 7, (~enough).sum())
        total = s.sum(axis=0)
        moments = reference.moments(total, include_origin)
        assert (population["moment_x"], population["moment_y"]) == pytest.approx(moments)
        widths = reference.fit_widths(total, moments, include_origin)
        assert (population["sigma_x"], population["sigma_y"]) == pytest.approx(widths, abs=1e-3)
        assert population["converged"] is True

        expected = reference.pair_correlation(used)
        pairs = {
            name: column[tables.pair_correlation["round"] == n] for name, column in tables.pair_correlation.items()
        }
        assert pairs["radius"].tolist() == sorted(expected)
        for k, r in enumerate(pairs["radius"]):
            assert (pairs["pairs"][k], pairs["expected_pairs"][k]) == pytest.approx(expected[r])
            assert pairs["g"][k] == pytest.approx(expected[r][0] / expected[r][1])

    keys = {"dataset": "photos", "method": "imp", "seed": 0}
    names = ("locality", "locality_population", "pair_correlation")
    for name, columns in zip(names, tables, strict=True):
        write_table(tmp_path / f"{name}.parquet", name, columns, **keys)
    table = read_table(tmp_path / "locality.parquet", "locality")
    assert table["converged"].null_count == table["sigma_x"].null_count == 2


@pytest.mark.parametrize("device", OTHER_DEVICES)
def test_is_the_same_on_other_devices(device):
    rounds = [blobs(40, (2, 8, 9), np.full(40, share), 4) for share in (1.0, 0.5, 0.05)]
    rounds[2][0] = False
    masks = [as_mask(connected) for connected in rounds]
    expected, found = (measure_locality(masks, (2, 8, 9), device=where) for where in ("cpu", device))
    for table, other in zip(found, expected, strict=True):
        assert_same_table(table, other, 1e-6)


@pytest.mark.parametrize("device", OTHER_DEVICES)
def test_sparse_masks_have_the_same_widths_on_other_devices(device):
    mask = as_mask(np.stack([sparse(kind, 1, seed) for (kind, n), seeds in HARD.items() if n == 1 for seed in seeds]))
    expected, found = (measure_locality([mask], (1, 32, 32), device=where).units for where in ("cpu", device))
    assert_same_table(found, expected, 1e-6)


def test_enough_weights_but_no_pair_is_no_width():
    connected = np.zeros((1, 3, 4, 4), bool)
    connected[0, [0, 1, 2], [0, 1, 2], 3] = True
    units, population, pairs = measure_locality([as_mask(connected)], (3, 4, 4), min_weights=2)
    assert np.isnan(units["sigma_x"]).all()
    assert np.isnan(units["moment_x"]).all()
    assert units["converged"].tolist() == [False]
    assert population["n_without_width"].tolist() == [1]
    assert np.isnan(population["sigma_x"]).all()
    assert np.isnan(pairs["g"]).all()
    assert not pairs["expected_pairs"].any()
    assert measure_locality([as_mask(connected)], (3, 4, 4), channels="any", min_weights=2).units["moment_y"] > 0


def test_random_masks_have_no_pair_correlation():
    connected = stream("no structure").random((100, *SHAPE)) < 0.2
    pairs = pair_correlation(autocorrelation(connected).sum(axis=0), connected.sum(axis=(2, 3)))
    n = connected.sum(axis=(2, 3))
    assert pairs["expected_pairs"].sum() == pytest.approx((n * (n - 1)).sum())
    assert pairs["pairs"].sum() == (n * (n - 1)).sum()
    assert pairs["g"][:35] == pytest.approx(1, abs=0.04)


def test_local_masks_have_pairs_at_small_radii():
    connected = blobs(20, SHAPE, np.full(20, 0.05), 5)
    g = pair_correlation(autocorrelation(connected).sum(axis=0), connected.sum(axis=(2, 3)))["g"]
    assert g[0] > 3
    assert g[25] < 0.5


def test_what_does_not_fit_is_refused():
    mask = as_mask(np.ones((2, 3, 4, 4), bool))
    with pytest.raises(ValueError, match=r"m\(0\) has 48 inputs, but images of \(3, 5, 5\) have 75 pixels"):
        measure_locality([mask], (3, 5, 5))
    with pytest.raises(ValueError, match="must be 'same' or 'any'"):
        measure_locality([mask], (3, 4, 4), channels="all")
