import os
import pathlib

import pytest


@pytest.fixture
def data_dir():
    """Finds a file or folder of the real data sets, or skips the test where they are absent."""
    here = pathlib.Path(__file__).resolve().parent.parent
    root = pathlib.Path(os.environ.get("TFBERT_DATA") or here / "../shared/data").resolve()

    def find(relative):
        path = root / relative
        if not path.exists():
            pytest.skip(f"needs {path}")
        return path

    return find
