"""What each step of the workflow makes of small fixed inputs, recorded: a result that changes is noticed.

A step's inputs are made here, not by the steps before it, so that only a step whose own results change is named.
Numbers are compared but for rounding, which differs between processors.  `python -m tests.steps` records the results
of steps whose version was raised.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The project's folder."""

sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]
