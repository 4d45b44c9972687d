"""Writes a model's LiteRT files, the same program as `tfbert export --formats=lite`:

python export/lite.py --model=runs/mine --out=served/mine
"""

import sys

from tfbert.launch.main import run

if __name__ == "__main__":
    run("tfbert.launch.export", [sys.argv[0], "--formats=lite", *sys.argv[1:]])
