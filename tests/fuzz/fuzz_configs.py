"""Configurations of checkpoints: each file is damaged beside sound weights, and the folder is opened for every task.

What is damaged is read as far as a model's layers would be made.
"""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any
from unittest import mock

import mutations
import small
from fuzzing import Reader

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.encoders import families
from tfbert.errors import TfbertError

_CLASSES = (
    "TextClassifier", "TokenClassifier", "RelationExtractor", "QuestionAnswerer", "Summarizer", "MultipleChoice",
    "SentenceEncoder", "Pretrainer",
)  # fmt: skip


class _Enough(BaseException):
    """All files are read."""


class _Encoder:
    """An encoder whose layers are not made: that takes a tenth of a second."""

    def __init__(self, config: Any, **_: Any) -> None:
        self.config, self.max_tokens = config, config.max_tokens

    def build(self) -> None:
        raise _Enough


def _read_folder(folder: pathlib.Path, wanted: str | None = None) -> None:
    """Reads all; the refusal of the class `wanted`, if one is given, is that of the folder."""
    refusal = None
    made = {"WordPiece": mock.DEFAULT, "PartMaker": mock.DEFAULT}
    lowered = mock.patch.object(
        tfbert.Tokenizer, "lowered", lambda tokenizer: tokenizer
    )  # half a second, for each task
    encoders = mock.patch.object(families, "encoder_of", _Encoder)
    with mock.patch.multiple("tfbert.text.tokenizer", **made), encoders, lowered:
        source = open_checkpoint(folder)
        str(source), source.label_names(), source.hugging_face_head()
        for variable in source.shapes:
            source.value(variable)
        for name in ("", *_CLASSES):
            try:
                (getattr(tfbert, name).from_checkpoint if name else tfbert.load)(folder)
            except _Enough:
                pass
            except TfbertError as error:
                refusal = error if name == wanted else refusal
    if refusal:
        raise refusal


def _reader(
    file: str, write: Callable[[pathlib.Path], list[Any]], count: int = 10_000, wanted: str | None = None
) -> Reader:
    """Of a JSON file in a folder that `write` makes; it returns the sound contents."""

    def seeds(folder: pathlib.Path) -> list[bytes]:
        return [value if isinstance(value, bytes) else json.dumps(value).encode() for value in write(folder)]

    up = len(pathlib.PurePath(file).parts) - 1
    return Reader(file, seeds, lambda path: _read_folder(path.parents[up], wanted), mutations.of_json, count=count)


def _hugging_face(folder: pathlib.Path) -> list[Any]:
    small.write_folder(folder)
    tags = {"0": "O", "1": "B-PER"}
    of_token = {
        "task": "token_classification",
        "settings": {"max_length": 8, "labels": ["PER"], "tags": ["O", "B-PER"], "stride": None},
    }
    own = {"task": "mine", "class": "tfbert.tasks.classification.task:Classification", "settings": {}}
    return [
        small.CONFIG,
        {**small.CONFIG, "tfbert": small.SAVED},
        {**small.CONFIG, "tfbert": of_token, "id2label": tags, "problem_type": None},
        {**small.CONFIG, "tfbert": own, "architectures": ["BertForTokenClassification"], "unused_embeddings": True},
        {**small.CONFIG, "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
        {**small.CONFIG, "sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"},
    ]


def _converted(form: str, *files: str) -> Callable[[pathlib.Path], list[Any]]:
    def write(folder: pathlib.Path) -> list[Any]:
        source = open_checkpoint(small.write_folder(folder / "source"))
        convert(source, form, folder / "made")
        shutil.copytree(folder / "made", folder, dirs_exist_ok=True)
        return [(folder / name).read_bytes() for name in files]

    return write


def _sentences(*wanted: str) -> Callable[[pathlib.Path], list[Any]]:
    """A folder of sentence-transformers; returns the contents of a file, and others that it may have."""

    def write(folder: pathlib.Path) -> list[Any]:
        small.write_folder(folder, {**small.CONFIG, "architectures": ["BertModel"]})
        known = {"4": small.TOKENIZER_CONFIG["added_tokens_decoder"]["4"]}  # the network has no row for more
        small.write_json(folder / "tokenizer_config.json", {**small.TOKENIZER_CONFIG, "added_tokens_decoder": known})
        modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize")]
        files = {
            "modules.json": [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                             for i, (path, kind) in enumerate(modules)],
            "sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": True},
            "1_Pooling/config.json": {"word_embedding_dimension": 4, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False,
                                      "include_prompt": True},
            "2_Dense/config.json": {"in_features": 4, "out_features": 3, "bias": True,
                                    "activation_function": "torch.nn.modules.activation.Tanh"},
            "config_sentence_transformers.json": {"prompts": {"query": "film ", "document": ""}, "default_prompt_name": "query",
                                                  "similarity_fn_name": "cosine"},
        }  # fmt: skip
        for name, value in files.items():
            small.write_json(folder / name, value)
        (folder / "3_Normalize").mkdir()
        small.write_dense(folder / "2_Dense/model.safetensors")
        others = {
            "1_Pooling/config.json": [{"pooling_mode": ["cls"], "embedding_dimension": 4}],
            "sentence_bert_config.json": [
                {"module_output_name": "token_embeddings", "processing_kwargs": {}, "query_expansion": None}
            ],
            "config_sentence_transformers.json": [
                {"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.linear.Identity"}
            ],
        }
        return [files[wanted[0]], *others.get(wanted[0], ())]

    return write


# Each input is opened for nine classes, which takes 10 to 50 ms: a minute for what has fewer than 10,000.
READERS = {
    "config": _reader("config.json", _hugging_face),
    "google": _reader("bert_config.json", _converted("tf1", "bert_config.json"), 3000),
    "model_garden": _reader("bert_config.json", _converted("model_garden", "bert_config.json"), 3000),
    "keras_hub": _reader("config.json", _converted("keras_hub", "config.json"), 3000),
    "keras_hub_task": _reader("task.json", _converted("keras_hub", "task.json"), 3000),
    "keras_hub_tokenizer": _reader("tokenizer.json", _converted("keras_hub", "tokenizer.json"), 3000, "SentenceEncoder"),
    "modules": _reader("modules.json", _sentences("modules.json"), 1000),
    **{
        f"sentence {name}": _reader(name, _sentences(name), 1000, "SentenceEncoder")
        for name in (
            "sentence_bert_config.json", "1_Pooling/config.json", "2_Dense/config.json", "config_sentence_transformers.json",
        )
    },
}  # fmt: skip
