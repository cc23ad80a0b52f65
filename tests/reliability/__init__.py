"""Runs of the tiny experiment that are killed, and that meet full disks, missing permissions and odd folders."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "workflow" / "scripts")]
