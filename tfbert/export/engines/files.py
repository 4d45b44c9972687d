"""Which file of an export a runtime takes."""

from __future__ import annotations

import pathlib

from tfbert.errors import ExportError
from tfbert.export.file_names import NETWORKS


def network_file(export: pathlib.Path, engine: str, precision: str | None = None) -> tuple[pathlib.Path, str]:
    """(the network's file, its precision) of an export's folder.

    Args:
        engine: "litert" or "onnx".
        precision: of the file; unless given, the first that is there of int8, float32 and float16.

    Raises:
        ExportError: there is none.

    >>> network_file(pathlib.Path("served/mine"), "onnx")[1]  # doctest: +SKIP
    'int8'
    """
    files = {name: export / file for name, file in NETWORKS[engine].items()}
    if precision is not None and precision not in files:
        raise ExportError(f"--precision={precision}: --engine={engine} has {', '.join(files)}")
    found = [name for name, file in files.items() if file.exists() and precision in (None, name)]
    if not found:
        format = "lite" if engine == "litert" else engine
        what = " or ".join(str(file) for name, file in files.items() if precision in (None, name))
        raise ExportError(f"{export}: has no {what} for --engine={engine}; export the model with --formats={format}")
    return files[found[0]], found[0]
