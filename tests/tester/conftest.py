"""Helpers of these tests are modules beside them: player (conversations), servers (scripted servers)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
