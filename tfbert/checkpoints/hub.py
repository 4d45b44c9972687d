"""A checkpoint from Hugging Face's hub. Of a repository with several formats, only the best one is fetched."""

from __future__ import annotations

import fnmatch
import pathlib
import re

import huggingface_hub

from tfbert.errors import CheckpointError

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
# Configurations and vocabularies, of sentence-transformers and KerasHub too.
_ALWAYS = ["*.json", "*vocab*.txt", "assets/tokenizer/*", "*_Pooling/*", "*_Dense/*"]
# Weights, best first; the first that a repository has are fetched.
_WEIGHTS = (
    ["*.safetensors"],
    ["pytorch_model*.bin"],
    ["tf_model.h5"],
    ["*.weights.h5"],
    ["*.ckpt*.index", "*.ckpt*.data-*"],
)


def fetch(name: str) -> pathlib.Path:
    """The folder of a hub id on this machine.

    Raises:
        CheckpointError: no id, or the hub gave none.
    """
    if not _HUB_ID.fullmatch(name):
        raise CheckpointError(f"there is no folder {name}")
    try:
        try:
            files = huggingface_hub.list_repo_files(name)
        except huggingface_hub.errors.OfflineModeIsEnabled:
            files = []  # what was fetched before is all there is
        held = [patterns for patterns in _WEIGHTS if any(fnmatch.fnmatch(file, patterns[0]) for file in files)]
        wanted = held[0] if held else [pattern for patterns in _WEIGHTS for pattern in patterns]
        return pathlib.Path(huggingface_hub.snapshot_download(name, allow_patterns=[*_ALWAYS, *wanted]))
    except Exception as error:  # the hub client raises errors of its HTTP library, its own and the system's
        first_line = (str(error).splitlines() or [""])[0]
        raise CheckpointError(
            f"there is no folder {name}, and the hub gave none: {type(error).__name__}: {first_line}"
        ) from error
