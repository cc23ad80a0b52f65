"""Films of masks: what the files hold, read back, is what the masks are."""

import io
import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import synthetic
from PIL import Image
from synthetic import FULL, TINY, Experiment

from winnow.figures import film as module
from winnow.figures.film import PALETTE, Film, find_ffmpeg, in_palette, make_film, write_film
from winnow.masks import at_quantiles, density, most_connected, with_full_mask
from winnow.store.atomic import StoreError
from winnow.store.tensors import Mask

NAMES = {"dataset": "photos", "method": "imp", "seed": 0}


def masks_of(experiment: Experiment) -> list[Mask]:
    """Masks that are nested: each keeps the first of the last's weights in an order that is drawn."""
    last = synthetic.mask(experiment, 0.1)
    draw = np.random.default_rng(0)
    order = {name: np.where(array, 0, draw.random(array.shape)) for name, array in last.items()}
    return [
        {name: places <= (experiment.n_rounds - n) / experiment.n_rounds for name, places in order.items()}
        for n in range(1, experiment.n_rounds + 1)
    ]


@pytest.fixture(scope="module")
def film() -> Film:
    return make_film(masks_of(TINY), TINY.shape, units=4, **NAMES)


def as_seen(content: bytes) -> list[tuple[np.ndarray, int]]:
    """The frames of a GIF as colours, and how long each is seen, in milliseconds."""
    with Image.open(io.BytesIO(content)) as picture:
        frames = []
        for n in range(picture.n_frames):
            picture.seek(n)
            frames.append((np.asarray(picture.convert("RGB")), picture.info["duration"]))
        return frames


def between_lines(is_line: np.ndarray) -> list[tuple[int, int]]:
    """Where the insides of the pictures begin and end: each has a line before it and one after."""
    places = np.flatnonzero(is_line)
    lines = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return [(int(one[-1]) + 1, int(two[0])) for one, two in zip(lines[::2], lines[1::2], strict=True)]


@pytest.mark.parametrize(("experiment", "units"), [(TINY, 4), (TINY, 5), (FULL, 16), (FULL, 1)])
def test_every_frame_shows_the_masks_of_its_round(tmp_path, experiment, units):
    masks = masks_of(experiment)
    write_film(make_film(masks, experiment.shape, units=units, **NAMES), tmp_path / "film.gif")
    frames = as_seen((tmp_path / "film.gif").read_bytes())
    assert [duration for _, duration in frames] == [600] * len(masks) + [3000]
    shown, (channels, side, _) = at_quantiles(masks[-1], units), experiment.shape
    assert len(shown) == units
    # Where the units are is found in the picture: nothing else has so much of the frames' grey in a line.
    is_grey = np.all(frames[-1][0] == round(255 * 0.6), axis=-1)
    rows, columns = (between_lines(is_grey.sum(axis=axis) >= 100) for axis in (1, 0))
    assert len(columns) == np.ceil(np.sqrt(units)) and len(rows) == np.ceil(units / len(columns))
    for (seen, _), mask in zip(frames, with_full_mask(masks), strict=True):
        assert seen.shape[0] % 2 == seen.shape[1] % 2 == 0 and max(seen.shape) < 900
        for k, unit in enumerate(shown):
            (top, bottom), (left, right) = rows[k // len(columns)], columns[k % len(columns)]
            pixels = seen[top:bottom, left:right]
            assert pixels.shape[0] == pixels.shape[1] and pixels.shape[0] % side == 0
            weights = pixels.reshape(side, len(pixels) // side, side, -1, 3)
            assert (weights == weights[:, :1, :, :1]).all()  # each is a square
            expected = mask["layers.0.weight"][unit].reshape(channels, side, side) * 255
            expected = np.broadcast_to(expected, (3, side, side))
            np.testing.assert_array_equal(np.moveaxis(weights[:, 0, :, 0], -1, 0), expected)


def test_below_stands_the_density(monkeypatch):
    written = []
    original = module._frame
    monkeypatch.setattr(module, "_frame", lambda *texts, **more: written.append(texts[1:]) or original(*texts, **more))
    masks = masks_of(TINY)
    made = make_film(masks, TINY.shape, dataset="photos", method="oneshot", seed=3)
    said = [f"density {density(mask):.3g}" for mask in with_full_mask(masks)]
    assert said[0] == "density 1" and len(set(said)) == 4
    assert written == [("oneshot on photos, seed 3", f"round {n} of 3", text) for n, text in enumerate(said)]
    below = made.frames[:, -60:]  # and it is seen: dark letters, other ones in each round
    assert all((PALETTE[frame] < 80).any() for frame in below)
    assert not any((one == other).all() for n, one in enumerate(below) for other in below[:n])


def test_long_names_are_written_smaller():
    made = make_film(masks_of(TINY), TINY.shape, dataset="d" * 30, method="m" * 30, seed=12345678)
    above = PALETTE[made.frames[0]][:50].min(axis=(0, 2)) < 200
    assert above.any() and not above[:12].any() and not above[-12:].any()


def test_the_units_are_those_of_figure_1_and_stay():
    """Those at quantiles after the last round, whatever had most weights before."""
    weights = np.zeros((2, 3, 4), bool)
    weights[0, 0], weights[0, 1, :2] = True, True
    weights[1, 1, :2], weights[1, 2, 0] = True, True
    masks = [{"layers.0.weight": array} for array in weights]
    assert most_connected(masks[0], 1) == [0] and at_quantiles(masks[1], 1) == [2]
    made = make_film(masks, (1, 2, 2), units=1, **NAMES)
    dark = [np.mean(PALETTE[frame][100:-100] < 50) for frame in made.frames]
    assert dark[0] == 0 and dark[1] > 0.9 and 0.6 < dark[2] < 0.8  # unit 2: all, none, one weight of four


def test_the_default_experiments_film_is_small(tmp_path):
    """As many units and rounds, white noise instead of receptive fields: nothing takes more."""
    draw = np.random.default_rng(0)
    score = draw.random((128, 1024))
    masks = [{"layers.0.weight": score < 0.7**n} for n in range(1, 11)]
    write_film(make_film(masks, (1, 32, 32), **NAMES), tmp_path / "film.gif")
    assert 50e3 < (tmp_path / "film.gif").stat().st_size < 0.5e6


def test_it_is_the_same_each_time_and_says_what_made_it(tmp_path, film):
    made_by = {"commit": "0123abc", "command": "snakemake --cores 1 --"}
    again = make_film(masks_of(TINY), TINY.shape, units=4, **NAMES)
    write_film(film, tmp_path / "film.gif", made_by)
    first = (tmp_path / "film.gif").read_bytes()
    write_film(again, tmp_path / "film.gif", made_by)
    assert (tmp_path / "film.gif").read_bytes() == first
    with Image.open(tmp_path / "film.gif") as picture:
        assert picture.info["loop"] == 0  # for ever
        expected = f"commit: 0123abc\ncommand: snakemake --cores 1 -- {tmp_path / 'film.gif'}"
        assert picture.info["comment"].decode() == expected
    other = make_film(masks_of(TINY), TINY.shape, units=4, dataset="photos", method="imp", seed=1)
    write_film(other, tmp_path / "film.gif", made_by)
    assert (tmp_path / "film.gif").read_bytes() != first
    assert [path.name for path in tmp_path.iterdir()] == ["film.gif"]


def test_the_palette_has_all_that_is_drawn():
    colours = np.array([[[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)]], float)
    np.testing.assert_array_equal(PALETTE[in_palette(colours)], colours * 255)
    greys = np.repeat(np.linspace(0, 1, 500)[:, None, None], 3, axis=2)
    np.testing.assert_allclose(PALETTE[in_palette(greys)], greys * 255, atol=1.1)
    assert PALETTE.shape == (256, 3)


def test_units_without_weights_are_said(caplog):
    masks = [{"layers.0.weight": np.zeros((3, 16), bool)}]
    made = make_film(masks, (1, 4, 4), **NAMES)
    assert "imp on photos, seed 0: no unit has a weight after the last round" in caplog.text
    assert (PALETTE[made.frames[1]][300:-300] < 80).any()


def test_what_cannot_be_filmed_is_refused(tmp_path, film):
    with pytest.raises(ValueError, match="no film of imp on photos, seed 0: it has no masks; prune a round at least"):
        make_film([], TINY.shape, **NAMES)
    with pytest.raises(ValueError, match=r"the mask has 64 inputs, images of shape \(3, 8, 8\) have 192"):
        make_film(masks_of(TINY), (3, 8, 8), **NAMES)
    with pytest.raises(ValueError, match="mask 3 and mask 0 are not of the same network"):
        make_film([*masks_of(TINY), masks_of(FULL)[-1]], TINY.shape, **NAMES)
    with pytest.raises(ValueError, match=r"film\.avi: films are written as \.gif or \.mp4: name the file so"):
        write_film(film, tmp_path / "film.avi")
    assert not list(tmp_path.iterdir())


# -- MP4 ---------------------------------------------------------------------------------------------------------------


def test_without_ffmpeg_an_mp4_is_refused(tmp_path, film, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match=r"film\.mp4: needs ffmpeg, which is not on PATH; install it, or make"):
        write_film(film, tmp_path / "film.mp4")
    assert not list(tmp_path.iterdir())


def stand_in(folder, monkeypatch, does: str) -> None:
    """An ffmpeg that does as told, in the place of any other."""
    folder.mkdir()
    (folder / "ffmpeg").write_text(f"#!{sys.executable}\nimport json, sys\n{does}\n", encoding="utf-8")
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_ffmpeg_is_given_all_frames_and_the_last_one_longer(tmp_path, film, monkeypatch, codec):
    does = (
        f"encoders, said = ' V....D {codec}  words', {str(tmp_path / 'said')!r}\n"
        "if '-encoders' in sys.argv: sys.exit(print(encoders))\n"
        "json.dump(sys.argv, open(said, 'w'))\n"
        "open(sys.argv[-1], 'wb').write(sys.stdin.buffer.read())"
    )
    stand_in(tmp_path / "bin", monkeypatch, does)
    write_film(film, tmp_path / "film.mp4", {"command": "snakemake --"})
    said = json.loads((tmp_path / "said").read_text())
    height, width = film.frames.shape[1:]
    options = dict(pairwise(said))
    assert options["-video_size"] == f"{width}x{height}" and options["-c:v"] == codec
    assert options["-metadata"] == f"comment=command: snakemake -- {tmp_path / 'film.mp4'}"
    frames = np.frombuffer((tmp_path / "film.mp4").read_bytes(), np.uint8).reshape(-1, height, width, 3)
    assert float(options["-framerate"]) * 0.6 == pytest.approx(1)
    np.testing.assert_array_equal(frames, PALETTE[film.frames[[0, 1, 2, *[3] * 5]]])


def test_what_ffmpeg_says_is_passed_on(tmp_path, film, monkeypatch):
    stand_in(tmp_path / "bin", monkeypatch, "sys.exit('frame=0\\nno such thing')")
    with pytest.raises(StoreError, match=r"film\.mp4: ffmpeg \(.*\) failed: no such thing; the \.gif needs no ffmpeg"):
        write_film(film, tmp_path / "film.mp4")
    assert {path.name for path in tmp_path.iterdir()} == {"bin"}


@pytest.mark.skipif(not find_ffmpeg(), reason="no ffmpeg is installed")
def test_a_real_ffmpeg_writes_what_is_drawn(tmp_path, film):
    write_film(film, tmp_path / "film.mp4")
    write_film(film, tmp_path / "again.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == (tmp_path / "again.mp4").read_bytes()
    command = [find_ffmpeg(), "-v", "error", "-i", tmp_path / "film.mp4", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, *film.frames.shape[1:], 3).astype(float)
    assert len(frames) == 48  # 4.8 s, ten a second
    for n, at in enumerate((3, 9, 15, 40)):
        assert np.abs(frames[at] - PALETTE[film.frames[n]]).mean() < 4
        assert np.abs(frames[at] - PALETTE[film.frames[n - 1]]).mean() > 8  # not another's
