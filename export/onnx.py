"""Writes a model's ONNX files, the same program as `tfbert export --formats=onnx`:

python export/onnx.py --model=runs/mine --out=served/mine
"""

import pathlib
import sys

# A program's folder comes first on the path, and in this one `import onnx` would find this file.
sys.path = [path for path in sys.path if pathlib.Path(path).resolve() != pathlib.Path(__file__).resolve().parent]

from tfbert.launch.main import run  # noqa: E402

if __name__ == "__main__":
    run("tfbert.launch.export", [sys.argv[0], "--formats=onnx", *sys.argv[1:]])
