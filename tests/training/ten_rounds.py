"""Ten rounds of IMP of a small network in a process of its own, whose environment chooses the processor's kernels.

`python ten_rounds.py FOLDER PRECISION ENGINE …` prints, for each engine, a digest of the masks of all rounds and one of
the last round's parameters.  Library and tests must be on the path of imports.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from conftest import make_dataset
from winnow.masks import apply_mask, full_mask
from winnow.pruning.scores import prune_by_score
from winnow.training.dense import initial_network
from winnow.training.settings import TrainingSettings, draw_batches

ROUNDS = 10


def ten_rounds(dataset, precision, engine):
    """The masks of all rounds, and the last round's parameters."""
    settings = TrainingSettings(
        steps=100,
        rewind=0,
        batch=40,
        rate=0.1,
        log_every=100,
        norm_keep=0.99,
        norm_epsilon=1e-5,
        engine=engine,
        precision=precision,
    )
    start = settings.at_precision(initial_network(dataset, 0, [70, 50], "uniform"))
    mask, masks = full_mask(start), []
    for n in range(1, ROUNDS + 1):
        trainer = settings.build_engine(apply_mask(start, mask), mask, dataset, "cpu")
        trainer.advance(draw_batches(dataset, settings, 0, n))
        parameters = trainer.parameters()
        mask = prune_by_score({name: abs(parameters[name]) for name in mask}, mask, n, share=0.3, pool="layerwise")
        masks.append(mask)
    return masks, parameters


def _digest(arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def main():
    folder, precision, *engines = sys.argv[1:]
    dataset = make_dataset(Path(folder))
    found = {}
    for engine in engines:
        masks, parameters = ten_rounds(dataset, precision, engine)
        found[engine] = {
            "masks": _digest(array for mask in masks for array in mask.values()),
            "parameters": _digest(parameters.values()),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
