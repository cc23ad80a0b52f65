"""Damaged and hostile files for all readers: what is refused is refused by the reader's own error, soon and cheaply."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))
