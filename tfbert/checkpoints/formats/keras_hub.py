"""KerasHub's presets: config.json, model.weights.h5, task.json, task.weights.h5, tokenizer.json, assets/tokenizer.

Source: keras_hub 0.32, src/models/bert, src/utils/preset_utils.py. Its backbone always computes GELU by tanh and its
masked language model's head always by erf, with an epsilon of its own. KerasHub itself is not needed.
"""

import json
import pathlib

import keras
import numpy as np

from tfbert.checkpoints.tensor_files.hdf5 import HDF5File, write_hdf5
from tfbert.checkpoints.tensor_files.shards import Together
from tfbert.checkpoints.weights import Source, check_rows, rows_to_write, stored_value
from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.weight_table import BY_HEAD_IN, BY_HEAD_OUT, Row
from tfbert.errors import CheckpointError, ConfigError, VocabularyError
from tfbert.files import read_json_object

_LAYER, _BLOCK = "layers/transformer_encoder{_i}", "block_{i}"
_ATTENTION = f"{_LAYER}/_self_attention_layer"

BACKBONE = (
    Row("embeddings/token/embeddings", "layers/reversible_embedding/vars/0"),
    Row("embeddings/position/embeddings", "layers/position_embedding/vars/0"),
    Row("embeddings/segment/embeddings", "layers/embedding/vars/0"),
    Row("embeddings/layer_norm/gamma", "layers/layer_normalization/vars/0"),
    Row("embeddings/layer_norm/beta", "layers/layer_normalization/vars/1"),
    Row(f"{_BLOCK}/attention/query/kernel", f"{_ATTENTION}/query_dense/vars/0", BY_HEAD_OUT),
    Row(f"{_BLOCK}/attention/query/bias", f"{_ATTENTION}/query_dense/vars/1", BY_HEAD_OUT),
    Row(f"{_BLOCK}/attention/key/kernel", f"{_ATTENTION}/key_dense/vars/0", BY_HEAD_OUT),
    Row(f"{_BLOCK}/attention/key/bias", f"{_ATTENTION}/key_dense/vars/1", BY_HEAD_OUT),
    Row(f"{_BLOCK}/attention/value/kernel", f"{_ATTENTION}/value_dense/vars/0", BY_HEAD_OUT),
    Row(f"{_BLOCK}/attention/value/bias", f"{_ATTENTION}/value_dense/vars/1", BY_HEAD_OUT),
    Row(f"{_BLOCK}/attention/output/kernel", f"{_ATTENTION}/output_dense/vars/0", BY_HEAD_IN),
    Row(f"{_BLOCK}/attention/output/bias", f"{_ATTENTION}/output_dense/vars/1"),
    Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}/_self_attention_layer_norm/vars/0"),
    Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}/_self_attention_layer_norm/vars/1"),
    Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}/_feedforward_intermediate_dense/vars/0"),
    Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}/_feedforward_intermediate_dense/vars/1"),
    Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}/_feedforward_output_dense/vars/0"),
    Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}/_feedforward_output_dense/vars/1"),
    Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}/_feedforward_layer_norm/vars/0"),
    Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}/_feedforward_layer_norm/vars/1"),
    Row("pooler/kernel", "layers/dense/vars/0"),
    Row("pooler/bias", "layers/dense/vars/1"),
)
TASKS = {
    "BertMaskedLM": (
        Row("predictions/transform/kernel", "layers/masked_lm_head/_intermediate_dense/vars/0"),
        Row("predictions/transform/bias", "layers/masked_lm_head/_intermediate_dense/vars/1"),
        Row("predictions/layer_norm/gamma", "layers/masked_lm_head/_intermediate_layer_norm/vars/0"),
        Row("predictions/layer_norm/beta", "layers/masked_lm_head/_intermediate_layer_norm/vars/1"),
        Row("predictions/output_bias", "layers/masked_lm_head/vars/0"),
    ),
    "BertTextClassifier": (
        Row("classifier/kernel", "layers/dense/vars/0"),
        Row("classifier/bias", "layers/dense/vars/1"),
    ),
    "BertTextEmbedder": (),
}
# BertBackbone's arguments -> BertConfig's fields.
_SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "dropout": "hidden_dropout_prob",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
_CONSTANTS = {
    "hidden_act": "gelu_new",
    "layer_norm_eps": 1e-12,
    "predictions_act": "gelu",
    "predictions_layer_norm_eps": 1e-5,
}
_VOCABULARY = "assets/tokenizer/vocabulary.txt"


class KerasHubSource(Source):
    """A preset; `values["embedding"]` has the pooling of a text embedder."""

    def tokenizer(self):
        from tfbert.text import Tokenizer, Vocabulary

        path = self.folder / "tokenizer.json"
        config = read_json_object(path).get("config") if path.exists() else None
        if not isinstance(config, dict):
            raise VocabularyError(f"{self.folder} has no tokenizer.json with the tokenizer's config")
        lower_case, strip_accents = bool(config.get("lowercase")), bool(config.get("strip_accents"))
        # KerasHub reads split_on_cjk and does not write it: a tokenizer.json with it is tfbert's, and means the rest.
        return Tokenizer(
            Vocabulary.from_file(self.folder / _VOCABULARY),
            lower_case=lower_case,
            strip_accents=strip_accents or (lower_case and "split_on_cjk" not in config),
            tokenize_chinese_chars=bool(config.get("split_on_cjk", True)),
        )


def is_preset(values):
    """Whether the object of a config.json is KerasHub's."""
    return isinstance(values.get("registered_name"), str) and isinstance(values.get("config"), dict)


def open_folder(folder):
    """The `Source` of a folder that `save_to_preset` wrote."""
    folder = pathlib.Path(folder)
    backbone = read_json_object(folder / "config.json")
    kind = backbone.get("class_name")
    if kind != "BertBackbone":
        raise CheckpointError(f"{folder} is a preset of KerasHub's {kind}; tfbert reads BertBackbone")
    given = backbone["config"]
    missing = [name for name in _SIZES if name not in given]
    if missing:
        raise ConfigError(f"{folder / 'config.json'} lacks {', '.join(missing)}")
    sizes = {ours: given[theirs] for theirs, ours in _SIZES.items()}
    sizes["attention_probs_dropout_prob"] = sizes["hidden_dropout_prob"]
    try:
        config = BertConfig(**sizes, **_CONSTANTS)
    except ConfigError as error:
        raise ConfigError(f"{folder / 'config.json'}: {error}") from None
    files, values = [(BACKBONE, _weights(folder))], {}
    if (folder / "task.json").exists():
        task = read_json_object(folder / "task.json")
        name, settings = task.get("class_name"), task.get("config")
        if name not in TASKS or not isinstance(settings, dict):
            raise CheckpointError(f"{folder / 'task.json'} is {name}; tfbert reads {', '.join(TASKS)}")
        if name == "BertTextEmbedder":
            values["embedding"] = {
                "pooling": settings.get("pooling_mode", "mean"),
                "normalize": settings.get("normalize", True),
            }
        elif (folder / "task.weights.h5").exists():
            files.append((TASKS[name], HDF5File(folder / "task.weights.h5")))
        description = f"KerasHub preset {folder} ({name})"
    else:
        description = f"KerasHub preset {folder} (BertBackbone)"
    return KerasHubSource(description, folder, config, values, files)


def _weights(folder):
    if (folder / "model.weights.h5").exists():
        return HDF5File(folder / "model.weights.h5")
    index = folder / "model.weights.json"
    places = read_json_object(index).get("weight_map") if index.exists() else None
    if not isinstance(places, dict):
        raise CheckpointError(f"{folder} has neither model.weights.h5 nor a model.weights.json with a weight_map")
    names = {name for held in places.values() for name in (held if isinstance(held, list) else [held])}
    if not all(isinstance(name, str) and pathlib.Path(name).name == name for name in names):
        raise CheckpointError(f"{index} names files that are not beside it")
    return Together([HDF5File(folder / name) for name in sorted(names)])


def write_weights(folder, weights, tokenizer=None, task=None, embedding=None):
    """Writes a preset of any `Weights` into an existing folder.

    Args:
        tokenizer: a `Tokenizer`, which needs a preset for strings.
        task: name in `TASKS`; None for the backbone alone.
        embedding: pooling and normalize of a BertTextEmbedder.
    """
    folder, c = pathlib.Path(folder), weights.config
    check_rows(weights, (*BACKBONE, *TASKS.get(task, ())), f"KerasHub's {task or 'BertBackbone'}")
    sizes = {theirs: getattr(c, ours) for theirs, ours in _SIZES.items()}
    backbone = _object("bert_backbone", "BertBackbone", {**_base("bert_backbone"), **sizes})
    _write_tensors(folder / "model.weights.h5", weights, BACKBONE)
    _write_json(folder / "config.json", backbone)
    metadata = {
        "keras_version": keras.version(),
        "parameter_count": sum(int(np.prod(shape)) for _, shape in rows_to_write(weights, BACKBONE)),
        "tasks": ["MaskedLM", "TextClassifier", "TextEmbedder"],
    }
    _write_json(folder / "metadata.json", metadata)
    if tokenizer is not None:
        written = _tokenizer(tokenizer)
        _write_json(folder / "tokenizer.json", written)
        (folder / _VOCABULARY).parent.mkdir(parents=True)
        text = "".join(f"{token}\n" for token in tokenizer.vocabulary)
        (folder / _VOCABULARY).write_bytes(text.encode("utf-8"))
    if task is None:
        return
    module = {"BertMaskedLM": "bert_masked_lm", "BertTextClassifier": "bert_text_classifier"}.get(
        task, "bert_text_embedder"
    )
    preprocessor = None
    if tokenizer is not None:
        length = min(c.max_position_embeddings, tokenizer.max_length or c.max_position_embeddings)
        settings = {**_base(f"{module}_preprocessor"), "tokenizer": written, "config_file": "preprocessor.json"}
        settings |= {"sequence_length": length, "truncate": "round_robin"}
        if task == "BertMaskedLM":
            settings |= {"mask_selection_rate": 0.15, "mask_selection_length": 96}
            settings |= {"mask_token_rate": 0.8, "random_token_rate": 0.1}
        preprocessor = _object(f"{module}_preprocessor", f"{task}Preprocessor", settings)
        _write_json(folder / "preprocessor.json", preprocessor)
    settings = {"backbone": backbone, "preprocessor": preprocessor, "name": module}
    if task == "BertTextClassifier":
        count = weights.shapes["classifier/bias"][0]
        dropout = c.hidden_dropout_prob if c.classifier_dropout is None else c.classifier_dropout
        settings |= {"num_classes": count, "activation": "linear", "dropout": dropout}
    if task == "BertTextEmbedder":
        settings |= {"pooling_mode": embedding["pooling"], "normalize": embedding["normalize"]}
    _write_json(folder / "task.json", _object(module, task, settings))
    if TASKS[task]:
        _write_tensors(folder / "task.weights.h5", weights, TASKS[task])


def _write_tensors(path, weights, table):
    rows = {row.tensor: (row, shape) for row, shape in rows_to_write(weights, table)}
    shapes = {name: shape for name, (_, shape) in rows.items()}
    write_hdf5(path, shapes, lambda name: stored_value(weights, *rows[name]))


def _tokenizer(tokenizer):
    settings = {
        **_base("bert_tokenizer", "int32"),
        "config_file": "tokenizer.json",
        "vocabulary": None,
        "sequence_length": None,
        "lowercase": tokenizer.lower_case,
        "strip_accents": bool(tokenizer.lower_case if tokenizer.strip_accents is None else tokenizer.strip_accents),
        "split": True,
        "split_on_cjk": bool(tokenizer.tokenize_chinese_chars),
        "suffix_indicator": "##",
        "oov_token": tokenizer.special_tokens.unknown,
        "special_tokens": None,
        "special_tokens_in_strings": False,
    }
    return _object("bert_tokenizer", "BertTokenizer", settings)


def _base(name, dtype="float32"):
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": dtype}, "registered_name": None}
    return {"name": name, "trainable": True, "dtype": policy}


def _object(module, class_name, config):
    return {
        "module": f"keras_hub.src.models.bert.{module}",
        "class_name": class_name,
        "config": config,
        "registered_name": f"keras_hub>{class_name}",
    }


def _write_json(path, values):
    path.write_text(json.dumps(values, indent=4) + "\n", encoding="utf-8")
