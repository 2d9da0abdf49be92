"""The benchmarks are not part of the package that is installed: they are found beside it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))
