"""How fast winnow is, beside what: `python -m benchmarks` in the project's folder."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The project's folder."""

sys.path.insert(0, str(ROOT / "workflow" / "scripts"))
