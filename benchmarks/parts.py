"""Where a step's time goes on a CPU, by density: `python -m benchmarks.parts`.

By Python's own profiler, which sees each compiled kernel as one call.
"""

import cProfile
import os
import pstats
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.bench import BATCH, paper_dataset, paper_network
from winnow.training.build import build_engine
from winnow.training.engine import Sgd
from winnow.training.threads import n_threads

DENSITIES = [1.0, 0.7**4, 0.7**7, 0.7**10]
STEPS = 200
PARTS = {
    "kernels_dense.py": "products and steps of dense layers",
    "kernels_sparse.py": "of sparse layers",
    "kernels.py": "batch norm, ReLU, loss, biases, reading images",
}
REST = "Python between them"


def seconds_by_part(density: float) -> dict[str, float]:
    """Seconds of a step at the paper's size by part."""
    dataset = paper_dataset()
    start, mask = paper_network(density)
    sgd = Sgd(batch=BATCH, rate=0.1, norm_keep=0.99, norm_epsilon=1e-5)
    engine = build_engine(start, None if density == 1 else mask, dataset, sgd)
    batches = np.random.default_rng(0).integers(len(dataset.train.images), size=(STEPS, BATCH))
    engine.advance(batches[:10])
    profile = cProfile.Profile()
    profile.runcall(engine.advance, batches)
    seconds: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        seconds[PARTS.get(Path(file).name, REST)] += own / STEPS
    return dict(seconds)


def main() -> None:
    """Print the table as Markdown."""
    found = {density: seconds_by_part(density) for density in DENSITIES}
    print(f"{STEPS} steps, threads: {n_threads()} of {len(os.sched_getaffinity(0))} processors\n")
    print("| density |", " | ".join(f"{density:.3g}" for density in DENSITIES), "|")
    print("| --- |", " | ".join("---" for _ in DENSITIES), "|")
    for part in [*PARTS.values(), REST]:
        print(f"| {part} |", " | ".join(f"{1e3 * of.get(part, 0):.2f} ms" for of in found.values()), "|")
    print("| all |", " | ".join(f"{1e3 * sum(of.values()):.2f} ms" for of in found.values()), "|")


if __name__ == "__main__":
    main()
