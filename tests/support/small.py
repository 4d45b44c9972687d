"""A checkpoint of a few numbers, and what stands beside its weights."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import safetensors.numpy

from tfbert.encoders import families
from tfbert.encoders.weight_table import expand, stored_shape

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "is", "good", "##s", "Ünder", "字", "late"]
CONFIG = {
    "model_type": "bert",
    "architectures": ["BertForSequenceClassification"],
    "vocab_size": len(TOKENS),
    "hidden_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 6,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.1,
    "classifier_dropout": None,
    "tie_word_embeddings": True,
    "pad_token_id": 0,
    "problem_type": "single_label_classification",
    "id2label": {"0": "bad", "1": "good"},
    "label2id": {"bad": 0, "good": 1},
    "torch_dtype": "float32",
}
SAVED = {
    "task": "classification",
    "settings": {
        "max_length": 16,
        "columns": {"text": "review"},
        "labels": ["bad", "good"],
        "problem": "single_label",
        "activation": "linear",
        "pairs": False,
        "windows": False,
        "stride": 4,
        "thresholds": [],
        "class_weights": [],
        "label_separator": ",",
    },
}
TOKENIZER_CONFIG = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": True,
    "strip_accents": None,
    "tokenize_chinese_chars": True,
    "model_max_length": 16,
    "model_input_names": ["input_ids", "token_type_ids"],
    "never_split": [],
    "additional_special_tokens": ["[MASK]"],
    "truncation_side": "right",
    **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
    "added_tokens_decoder": {
        "4": {"content": "[MASK]", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True},
        "13": {"content": "[NEW]", "normalized": True, "special": False},
    },
}  # fmt: skip


def tensors(values: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
    """Of the network of `CONFIG`, or of another one, with a pooler and a classifier of two labels."""
    config = families.config_from(values or CONFIG)
    table, generator = families.family_of(config).table(config), np.random.default_rng(0)
    shapes, found = table.shapes(config), {}
    for row in expand((*table.encoder, *table.pooler, *table.heads["classifier"]), config.num_hidden_layers):
        if row.is_written:
            shape = shapes.get(row.variable, (config.hidden_size, 2) if row.variable.endswith("kernel") else (2,))
            stored = stored_shape(shape, row, config.num_attention_heads)
            found[row.tensor] = 0.1 * generator.standard_normal(stored, "f4")
    return found


def write_json(path: pathlib.Path, value: Any) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path.read_bytes()


def write_folder(folder: pathlib.Path, config: dict | None = None) -> pathlib.Path:
    """A Hugging Face folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", CONFIG if config is None else config)
    (folder / "vocab.txt").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    safetensors.numpy.save_file(tensors(config), folder / "model.safetensors")
    return folder


def write_dense(path: pathlib.Path) -> None:
    """The weights of sentence-transformers' module Dense, from 4 to 3 numbers."""
    safetensors.numpy.save_file({"linear.weight": np.ones((3, 4), "f4"), "linear.bias": np.zeros(3, "f4")}, path)
