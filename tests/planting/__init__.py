"""Wrong lines, planted one at a time in a copy of the project, that the fast tests must see."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]
