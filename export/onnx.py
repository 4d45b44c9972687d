"""Writes a model's ONNX files, the same program as `tfbert export --formats=onnx`:

python export/onnx.py --model=runs/mine --out=served/mine
"""

import sys

from tfbert.launch.main import run

if __name__ == "__main__":
    run("tfbert.launch.export", [sys.argv[0], "--formats=onnx", *sys.argv[1:]])
