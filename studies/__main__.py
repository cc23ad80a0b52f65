"""Run a study: `python -m studies regime_cifar10 --cores 2`.

A study is a file of this folder: a base experiment and, for each question, its variants.  Each variant is trained and
pruned on the data and on its clone; what is finished is kept in `results/studies/STUDY/`, so that a study that was
stopped goes on where it was.  At the end, `results/studies/` has STUDY.parquet, STUDY.md and STUDY.png.
"""

import argparse
import os
import sys
from pathlib import Path

import yaml

from studies import ROOT
from studies.plan import read_study
from studies.run import run_study
from winnow.config.words import ConfigError
from winnow.training.engine import TrainingError


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = sorted(path.stem for path in (ROOT / "studies").glob("*.yaml"))
    parser.add_argument("study", help=f"a YAML file, or one of this folder: {', '.join(here)}")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="chains at a time")
    parser.add_argument("--only", nargs="+", metavar="QUESTION", help="these questions only")
    parser.add_argument("--config", type=yaml.safe_load, default={}, help="settings for all variants, as YAML")
    arguments = parser.parse_args()
    path = Path(arguments.study)
    try:
        study = read_study(path if path.is_file() else ROOT / "studies" / f"{path.name}.yaml", arguments.config)
        if unknown := set(arguments.only or ()) - set(study.axes):
            raise ConfigError(f"{study.name} has no question {', '.join(sorted(unknown))}; it has {list(study.axes)}")
        run_study(study, arguments.cores, arguments.only)
    except (ValueError, TrainingError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
