"""The Hugging Face folder: config.json, vocab.txt, model.safetensors or pytorch_model.bin. No PyTorch.

Source of the names: transformers/models/bert/modeling_bert.py.
"""

import itertools
import json
import pathlib

from tfbert.checkpoints.formats import sentence_transformers
from tfbert.checkpoints.tensor_files.safetensors import SafetensorsFile, write_safetensors
from tfbert.checkpoints.tensor_files.shards import Renamed, Shards
from tfbert.checkpoints.tensor_files.torch import TorchFile
from tfbert.checkpoints.weights import LayerWeights, Source, check_rows, rows_to_write, stored_value
from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.distilbert import hugging_face as distilbert
from tfbert.encoders.weight_table import TRANSPOSED, Row
from tfbert.files import read_json_object

# What a folder may hold, the first found is read.
FILES = {
    "model.safetensors": SafetensorsFile,
    "model.safetensors.index.json": lambda path: Shards(path, SafetensorsFile),
    "pytorch_model.bin": TorchFile,
    "pytorch_model.bin.index.json": lambda path: Shards(path, TorchFile),
}
_LAYER, _BLOCK = "encoder.layer.{i}", "block_{i}"

ENCODER = (
    Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight"),
    Row("embeddings/position/embeddings", "embeddings.position_embeddings.weight"),
    Row("embeddings/segment/embeddings", "embeddings.token_type_embeddings.weight"),
    Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight"),
    Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias"),
    Row(f"{_BLOCK}/attention/query/kernel", f"{_LAYER}.attention.self.query.weight", TRANSPOSED),
    Row(f"{_BLOCK}/attention/query/bias", f"{_LAYER}.attention.self.query.bias"),
    Row(f"{_BLOCK}/attention/key/kernel", f"{_LAYER}.attention.self.key.weight", TRANSPOSED),
    Row(f"{_BLOCK}/attention/key/bias", f"{_LAYER}.attention.self.key.bias"),
    Row(f"{_BLOCK}/attention/value/kernel", f"{_LAYER}.attention.self.value.weight", TRANSPOSED),
    Row(f"{_BLOCK}/attention/value/bias", f"{_LAYER}.attention.self.value.bias"),
    Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}.attention.output.dense.weight", TRANSPOSED),
    Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}.attention.output.dense.bias"),
    Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}.attention.output.LayerNorm.weight"),
    Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}.attention.output.LayerNorm.bias"),
    Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}.intermediate.dense.weight", TRANSPOSED),
    Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}.intermediate.dense.bias"),
    Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}.output.dense.weight", TRANSPOSED),
    Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}.output.dense.bias"),
    Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}.output.LayerNorm.weight"),
    Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}.output.LayerNorm.bias"),
    Row("pooler/kernel", "pooler.dense.weight", TRANSPOSED),
    Row("pooler/bias", "pooler.dense.bias"),
)

HEADS = {
    "predictions": (
        Row("predictions/transform/kernel", "cls.predictions.transform.dense.weight", TRANSPOSED),
        Row("predictions/transform/bias", "cls.predictions.transform.dense.bias"),
        Row("predictions/layer_norm/gamma", "cls.predictions.transform.LayerNorm.weight"),
        Row("predictions/layer_norm/beta", "cls.predictions.transform.LayerNorm.bias"),
        Row("predictions/output_bias", "cls.predictions.bias"),
        Row("predictions/decoder/embeddings", "cls.predictions.decoder.weight"),  # where it is not the token embedding
    ),
    "seq_relationship": (
        Row("seq_relationship/kernel", "cls.seq_relationship.weight", TRANSPOSED),
        Row("seq_relationship/bias", "cls.seq_relationship.bias"),
    ),
    "classifier": (
        Row("classifier/kernel", "classifier.weight", TRANSPOSED),
        Row("classifier/bias", "classifier.bias"),
    ),
    "tag_transitions": (Row("tag_transitions/transitions", "tag_transitions.weight"),),
    "qa_outputs": (
        Row("qa_outputs/kernel", "qa_outputs.weight", TRANSPOSED),
        Row("qa_outputs/bias", "qa_outputs.bias"),
    ),
}


# A decoder that is not the token embedding has this bias, and then the other one is not used.
_DECODER_BIAS = Row("predictions/output_bias", "cls.predictions.decoder.bias")
# Old files say gamma and beta, new ones weight and bias.
_OTHER_NAMES = (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"))


def open_folder(folder, name):
    """The `Source` of a folder whose weights are the file `name` of `FILES`."""
    folder = pathlib.Path(folder)
    values = read_json_object(folder / "config.json")
    config = BertConfig.from_file(folder / "config.json")
    is_distilbert = values.get("model_type") == "distilbert"
    table = distilbert.TABLE if is_distilbert else _table(config)
    file = _plain_names(FILES[name](folder / name), ("distilbert." if is_distilbert else "bert."))
    kind = "DistilBERT in a Hugging Face folder" if is_distilbert else "Hugging Face folder"
    return Source(f"{kind} {folder} ({name})", folder, config, values, [(table, file)])


def _table(config):
    """All rows of BERT; of two for one variable the first is read, and of an untied decoder both are written."""
    rows = (*ENCODER, *itertools.chain(*HEADS.values()))
    return (*rows, _DECODER_BIAS) if config.tie_word_embeddings else (_DECODER_BIAS, *rows)


def _plain_names(file, prefix):
    """The file under the names of the table: without `bert.` before the encoder, or what a training loop put there."""
    embedding = "embeddings.word_embeddings.weight"
    outer = next((name.removesuffix(embedding) for name in file.shapes if name.endswith(embedding)), "")
    training = outer.removesuffix(prefix)  # such as DataParallel's `module.`
    names = {}
    for stored in file.shapes:
        name = stored.removeprefix(outer) if stored.startswith(outer) else stored.removeprefix(training)
        for old, new in _OTHER_NAMES:
            name = name.replace(old, new)
        names.setdefault(name, stored)
    return Renamed(file, names)


def write_folder(folder, encoder, heads, values, *, pooler=True):
    """Writes config.json and model.safetensors of built layers into an existing folder.

    Args:
        heads: {name in `HEADS`: built layer}.
        values: further keys of config.json (architectures, id2label, …).
        pooler: False leaves it out, where it is random and nothing has read it.
    """
    write_weights(folder, LayerWeights(encoder, heads, pooler=pooler), values)


def write_weights(folder, weights, values):
    """The same of any `Weights`; a network without segments is written as DistilBERT.

    A dense layer of sentence embeddings is left to `sentence_transformers.write`.

    Raises:
        CheckpointError: a variable that the format has no name for.
    """
    config = {**weights.config.to_hugging_face(), **values}
    tied = weights.config.tie_word_embeddings
    prefix, table = "bert.", _table(weights.config)[: -1 if tied else None]
    if config["model_type"] == "distilbert":
        prefix, table = "distilbert.", distilbert.TABLE
        names = config.get("architectures") or ()
        config["architectures"] = [f"Distil{name}" if name.startswith("Bert") else name for name in names]
    check_rows(weights, (*table, *sentence_transformers.DENSE), f"Hugging Face's {config['model_type']}")
    text = json.dumps(config, indent=2, ensure_ascii=False)
    (pathlib.Path(folder) / "config.json").write_text(text + "\n", encoding="utf-8")
    rows = {}
    for row, shape in rows_to_write(weights, table):
        outer = prefix if row.tensor.startswith(("embeddings.", "encoder.", "transformer.", "pooler.")) else ""
        rows[outer + row.tensor] = row, shape
    shapes = {name: shape for name, (_, shape) in rows.items()}
    write_safetensors(
        pathlib.Path(folder) / "model.safetensors", shapes, lambda name: stored_value(weights, *rows[name])
    )
