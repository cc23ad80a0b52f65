"""Making the data: the Gaussian clone, and with `--full` stand-in, dataset and clone at the size of ImageNet32."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from scipy import stats

from benchmarks import ROOT
from benchmarks.bench import OURS, Row, race, smooth_images
from winnow.clone.gaussian import fit_gaussian

N_FIT, N_DRAWN = 100, 1281
TURNS_FULL = 3


def clone() -> Iterator[Row]:
    """Images of one class and colour channel with the mean and covariance of a hundred."""
    images = smooth_images(N_FIT)[:, :1024].astype(np.float32)
    mean, covariance = images.mean(axis=0), np.cov(images.T)

    def rvs() -> None:
        normal = stats.multivariate_normal
        normal.rvs(mean, covariance + 1e-6 * np.eye(len(mean)), N_DRAWN, random_state=0)

    def ours() -> None:
        fit_gaussian(images).draw(N_DRAWN, np.random.default_rng(0))

    yield Row(
        "data",
        f"Gaussian clone of a class and channel, {N_DRAWN} images",
        threads=torch.get_num_threads(),
        times=race({OURS: ours, "`scipy.stats.multivariate_normal.rvs`": rvs}),
    )


def imagenet32_full() -> Iterator[Row]:
    """Stand-in, dataset and clone at the size of ImageNet32."""
    with TemporaryDirectory(prefix="winnow-") as folder:
        for what, made, code, note in _full_steps(Path(folder)):
            script = Path(folder) / "step.py"
            script.write_text(f"import sys\n\nsys.path.insert(0, {str(ROOT)!r})\nimport benchmarks\n{code}{_PEAK}")
            seconds = []
            for _ in range(TURNS_FULL):
                shutil.rmtree(made, ignore_errors=True)
                start = time.perf_counter()
                done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, check=True)
                seconds.append(time.perf_counter() - start)
            yield Row(
                "data",
                what,
                threads=torch.get_num_threads(),
                times={OURS: seconds},
                peak_mb=float(done.stdout.split()[-1]),
                note=note,
            )


_PEAK = """
if __name__ == "__main__":
    from benchmarks.bench import peak_mb

    print(peak_mb())
"""


def _full_steps(folder: Path) -> Iterator[tuple[str, Path, str, str]]:
    """What is done, the folder that it makes, its code, and a note."""
    source, dataset, clone = (repr(str(folder / name)) for name in ("source", "dataset", "dataset-clone"))
    threads = torch.get_num_threads()
    yield (
        "stand-in for ImageNet32, full size",
        folder / "source",
        f"""
if __name__ == "__main__":
    from winnow.datasets.standin import write_standin

    write_standin({source}, processes={threads})
""",
        "memory without that of its workers",
    )
    yield (
        "dataset from ImageNet32's files, full size",
        folder / "dataset",
        f"""
from winnow.datasets.prepare import prepare_dataset

prepare_dataset({dataset}, source="imagenet32", name="imagenet32", folder={source})
""",
        "",
    )
    yield (
        f"Gaussian clone of ImageNet32, full size, fitted to {N_FIT} images a class, with certificate",
        folder / "dataset-clone",
        f"""
from winnow.clone.draw import clone_gaussian

clone_gaussian({dataset}, {clone}, {clone} + ".parquet", name="clone", fit_per_class={N_FIT}, threads={threads})
""",
        "",
    )


CASES = {"clone": clone, "imagenet32_full": imagenet32_full}
