"""Studies: one question after the other asked of many experiments.  Run by `python -m studies`; see README.md there."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))
