"""Writes a SavedModel that takes strings, the same program as `tfbert export`:

python export/saved_model.py --model=runs/mine --out=served/mine/1
"""

import sys

from tfbert.launch.main import run

if __name__ == "__main__":
    run("tfbert.launch.export", sys.argv)
