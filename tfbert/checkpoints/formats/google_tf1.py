"""Google's TF1 checkpoint: bert_config.json, vocab.txt, bert_model.ckpt.{index,data-…}.

Source of the names: google-research/bert, modeling.py. Optimizer slots (adam_m, adam_v) and global_step
are in the file too and are not looked at.
"""

import itertools
import json
import pathlib

from tfbert.checkpoints.tensor_files.tensor_bundle import TensorBundle, write_tensor_bundle
from tfbert.checkpoints.weights import Source, check_rows, rows_to_write, stored_value
from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.weight_table import TRANSPOSED, Row
from tfbert.errors import CheckpointError, ConfigError
from tfbert.files import read_json_object

_LAYER, _BLOCK = "bert/encoder/layer_{i}", "block_{i}"

ENCODER = (
    Row("embeddings/token/embeddings", "bert/embeddings/word_embeddings"),
    Row("embeddings/position/embeddings", "bert/embeddings/position_embeddings"),
    Row("embeddings/segment/embeddings", "bert/embeddings/token_type_embeddings"),
    Row("embeddings/layer_norm/gamma", "bert/embeddings/LayerNorm/gamma"),
    Row("embeddings/layer_norm/beta", "bert/embeddings/LayerNorm/beta"),
    Row(f"{_BLOCK}/attention/query/kernel", f"{_LAYER}/attention/self/query/kernel"),
    Row(f"{_BLOCK}/attention/query/bias", f"{_LAYER}/attention/self/query/bias"),
    Row(f"{_BLOCK}/attention/key/kernel", f"{_LAYER}/attention/self/key/kernel"),
    Row(f"{_BLOCK}/attention/key/bias", f"{_LAYER}/attention/self/key/bias"),
    Row(f"{_BLOCK}/attention/value/kernel", f"{_LAYER}/attention/self/value/kernel"),
    Row(f"{_BLOCK}/attention/value/bias", f"{_LAYER}/attention/self/value/bias"),
    Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}/attention/output/dense/kernel"),
    Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}/attention/output/dense/bias"),
    Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}/attention/output/LayerNorm/gamma"),
    Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}/attention/output/LayerNorm/beta"),
    Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}/intermediate/dense/kernel"),
    Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}/intermediate/dense/bias"),
    Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}/output/dense/kernel"),
    Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}/output/dense/bias"),
    Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}/output/LayerNorm/gamma"),
    Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}/output/LayerNorm/beta"),
    Row("pooler/kernel", "bert/pooler/dense/kernel"),
    Row("pooler/bias", "bert/pooler/dense/bias"),
)

HEADS = {
    "predictions": (
        Row("predictions/transform/kernel", "cls/predictions/transform/dense/kernel"),
        Row("predictions/transform/bias", "cls/predictions/transform/dense/bias"),
        Row("predictions/layer_norm/gamma", "cls/predictions/transform/LayerNorm/gamma"),
        Row("predictions/layer_norm/beta", "cls/predictions/transform/LayerNorm/beta"),
        Row("predictions/output_bias", "cls/predictions/output_bias"),
    ),
    "seq_relationship": (
        Row("seq_relationship/kernel", "cls/seq_relationship/output_weights", TRANSPOSED),
        Row("seq_relationship/bias", "cls/seq_relationship/output_bias"),
    ),
    "classifier": (  # run_classifier.py, create_model
        Row("classifier/kernel", "output_weights", TRANSPOSED),
        Row("classifier/bias", "output_bias"),
    ),
    "qa_outputs": (  # run_squad.py, create_model
        Row("qa_outputs/kernel", "cls/squad/output_weights", TRANSPOSED),
        Row("qa_outputs/bias", "cls/squad/output_bias"),
    ),
}


# What modeling.get_activation computes by these names: its gelu is the approximation by tanh.
ACTIVATIONS = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh"}


def open_folder(folder):
    """The `Source` of a folder with bert_config.json and bert_model.ckpt.* (or one other *.ckpt*.index)."""
    folder = pathlib.Path(folder)
    bundle = TensorBundle(checkpoint_prefix(folder))
    values, config = read_config(folder, ACTIVATIONS)
    table = (*ENCODER, *itertools.chain(*HEADS.values()))
    return Source(f"TF1 checkpoint {bundle.prefix}", folder, config, values, [(table, bundle)])


def checkpoint_prefix(folder):
    """The path of the folder's checkpoint without .index. Raises CheckpointError: none, or several."""
    named = folder / "bert_model.ckpt"
    if named.with_name("bert_model.ckpt.index").exists():
        return named
    found = sorted(folder.glob("*.index"))
    if len(found) != 1:
        raise CheckpointError(
            f"{folder} must hold bert_model.ckpt.index; it holds {[path.name for path in found] or 'no .index file'}"
        )
    return found[0].with_suffix("")


def config_file(folder):
    """The folder's bert_config.json, or the one file named like it; None without."""
    found = sorted(pathlib.Path(folder).glob("*bert_config*.json"))
    named = pathlib.Path(folder) / "bert_config.json"
    return named if named in found else found[0] if len(found) == 1 else None


def read_config(folder, activations):
    """All of bert_config.json, and its `BertConfig`."""
    path = config_file(folder)
    if path is None:
        raise CheckpointError(f"{folder} must hold bert_config.json")
    values = read_json_object(path)
    act = values.get("hidden_act", "gelu")
    try:
        config = BertConfig.from_dict(
            {**values, "hidden_act": activations.get(act, act) if isinstance(act, str) else act}
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return values, config


def write_config(folder, config, activations):
    """Writes bert_config.json under the names that a library has for activations."""
    names = {theirs: ours for ours, theirs in activations.items()}
    act = "gelu_new" if config.hidden_act.startswith("gelu") else config.hidden_act
    values = {
        "attention_probs_dropout_prob": config.attention_probs_dropout_prob,
        "hidden_act": names.get(act, act),
        "hidden_dropout_prob": config.hidden_dropout_prob,
        "hidden_size": config.hidden_size,
        "initializer_range": config.initializer_range,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers,
        "type_vocab_size": config.type_vocab_size,
        "vocab_size": config.vocab_size,
    }
    text = json.dumps(values, indent=2) + "\n"
    (pathlib.Path(folder) / "bert_config.json").write_text(text, encoding="utf-8")


def write_weights(folder, weights):
    """Writes bert_config.json and bert_model.ckpt.* of any `Weights` into an existing folder."""
    table = (*ENCODER, *itertools.chain(*HEADS.values()))
    check_rows(weights, table, "Google's BERT")
    write_config(folder, weights.config, ACTIVATIONS)
    rows = {row.tensor: (row, shape) for row, shape in rows_to_write(weights, table)}
    shapes = {name: shape for name, (_, shape) in rows.items()}
    prefix = pathlib.Path(folder) / "bert_model.ckpt"
    write_tensor_bundle(prefix, shapes, lambda name: stored_value(weights, *rows[name]))
