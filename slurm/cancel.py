#!/usr/bin/env python3
"""Cancel jobs of Slurm; Snakemake calls it when it is interrupted, and gives it two seconds.

A busy controller takes longer to answer, so scancel goes on by itself.
"""

import subprocess
import sys

subprocess.Popen(
    ["scancel", *sys.argv[1:]],
    stdin=subprocess.DEVNULL,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
    start_new_session=True,
)
