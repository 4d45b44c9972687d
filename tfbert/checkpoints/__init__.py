"""Other formats <-> tfbert. Each format is a table of names in a file of its own."""

import pathlib
import re

from tfbert.checkpoints.mapping import LoadReport, Source, load_encoder, load_head
from tfbert.errors import CheckpointError

__all__ = ["LoadReport", "Source", "load_encoder", "load_head", "open_checkpoint"]

# What tfbert reads of a hub's repository; leaves weights in other formats there.
_HUB_FILES = [
    *("config.json", "vocab.txt", "tokenizer_config.json", "tokenizer.json", "model.safetensors"),
    *("modules.json", "1_Pooling/config.json", "sentence_bert_config.json"),  # of sentence-transformers
]
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def open_checkpoint(name):
    """Opens a checkpoint folder, or fetches a hub id first, and returns its `Source`.

    Raises:
        CheckpointError: no such folder or id; no known format in it (says what it holds).

    >>> open_checkpoint("path/or/hf-id").config.hidden_size
    384
    """
    folder = pathlib.Path(name)
    if not folder.exists():
        folder = _from_hub(str(name))
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; a checkpoint is a folder")
    if (folder / "model.safetensors").exists():
        from tfbert.checkpoints.hugging_face import HuggingFaceSource

        return HuggingFaceSource(folder)
    if (folder / "bert_config.json").exists():
        from tfbert.checkpoints.google_tf1 import GoogleTF1Source

        return GoogleTF1Source(folder)
    held = sorted(path.name for path in folder.iterdir())
    raise CheckpointError(
        f"{folder} is no checkpoint that tfbert reads (config.json with model.safetensors, or bert_config.json "
        f"with bert_model.ckpt.*); it holds {', '.join(held[:10]) or 'nothing'}"
    )


def _from_hub(name):
    if not _HUB_ID.fullmatch(name):
        raise CheckpointError(f"there is no folder {name}")
    import huggingface_hub

    try:
        return pathlib.Path(huggingface_hub.snapshot_download(name, allow_patterns=_HUB_FILES))
    except Exception as error:  # the hub client raises errors of its HTTP library, its own and the system's
        first_line = (str(error).splitlines() or [""])[0]
        raise CheckpointError(
            f"there is no folder {name}, and the hub gave none: {type(error).__name__}: {first_line}"
        ) from error
