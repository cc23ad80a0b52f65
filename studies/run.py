"""All chains of a study, some at a time, and what is made of them."""

import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from studies.chain import data_key, key_of, prepare, run_chain
from studies.figure import as_markdown, plot_study
from studies.plan import Study, Variant
from winnow.figures.style import save_figure
from winnow.store.atomic import write_bytes

RESULTS = Path("results") / "studies"


def run_study(study: Study, cores: int, only: list[str] | None) -> None:
    """Run all chains that are not there yet, some at a time, and write table and figure of all that are there."""
    data, chains = RESULTS / "data", RESULTS / study.name
    chains.mkdir(parents=True, exist_ok=True)
    variants = [variant for variant in study.variants if not only or variant.question in only]
    tasks = {
        path: (variant, seed, clone)
        for variant in variants
        for seed in study.seeds
        for clone in sides(variant)
        if not (path := chain_file(chains, study, variant, seed, clone)).exists()
    }
    print(f"{study.name}: {len(tasks)} chains to run", flush=True)
    start = time.monotonic()
    # Spawned: a fork would inherit the threads' locks of libraries that are already loaded.
    pool = ProcessPoolExecutor(cores, mp_context=get_context("spawn"), initializer=_one_thread)
    try:
        needed = {data_key(variant.config, clone): (variant, clone) for variant, _, clone in tasks.values()}
        for clone in (False, True):  # a clone is made of its original
            made = [
                pool.submit(_prepare, variant, clone, data)
                for variant, is_clone in needed.values()
                if is_clone == clone
            ]
            for future in made:
                future.result()
        running = {
            pool.submit(_chain, path, variant, seed, clone, data, study.rounds_measured): (variant, seed, clone)
            for path, (variant, seed, clone) in tasks.items()
        }
        for done, future in enumerate(as_completed(running), start=1):
            future.result()
            variant, seed, clone = running[future]
            what = f"{variant.question}={variant.name} seed {seed}{' clone' * clone}"
            print(f"{time.monotonic() - start:6.0f} s  {done} of {len(running)}  {what}", flush=True)
    finally:
        # After a fault, or Ctrl-C, what has not begun is not begun.
        pool.shutdown(cancel_futures=True)
    table = gather(study, chains)
    write_bytes(RESULTS / f"{study.name}.parquet", table.to_parquet(index=False))
    write_bytes(RESULTS / f"{study.name}.md", as_markdown(study, table).encode())
    save_figure(plot_study(study, table), RESULTS / f"{study.name}.png")


def gather(study: Study, chains: Path) -> pd.DataFrame:
    """The rows of all chains that are there, with their question and variant."""
    tables = [
        pd.read_parquet(path).assign(question=variant.question, variant=variant.name)
        for variant in study.variants
        for seed in study.seeds
        for clone in sides(variant)
        if (path := chain_file(chains, study, variant, seed, clone)).exists()
    ]
    return pd.concat(tables, ignore_index=True)


def sides(variant: Variant) -> list[bool]:
    """Whether on the clone: no, and yes where there is one."""
    return [False, True] if variant.config.datasets[variant.config.figure_dataset].clone is not None else [False]


def chain_file(folder: Path, study: Study, variant: Variant, seed: int, clone: bool) -> Path:
    """Where a chain's rows lie: variants of different questions that are the same experiment share it."""
    config = variant.config
    sections = {name: getattr(config, name).model_dump() for name in ("network", "training", "pruning", "locality")}
    return folder / f"{key_of(data_key(config, clone), sections, seed, study.rounds_measured)}.parquet"


def _one_thread() -> None:
    threadpool_limits(1)
    torch.set_num_threads(1)


def _prepare(variant: Variant, clone: bool, data: Path) -> None:
    prepare(variant.config, clone, data)


def _chain(path: Path, variant: Variant, seed: int, clone: bool, data: Path, rounds: list[int]) -> None:
    table = run_chain(variant.config, seed, clone, data, rounds)
    write_bytes(path, table.to_parquet(index=False))
