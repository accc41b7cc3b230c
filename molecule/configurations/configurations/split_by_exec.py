# Split into files that the main file executes one after another.
from pathlib import Path

for part in sorted(Path(__file__).parent.glob("site.d/*.py")):
    exec(part.read_text())
