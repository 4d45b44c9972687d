"""Hugging Face's tf_model.h5: what its TensorFlow classes saved.

Source of the names: transformers 4, models/bert/modeling_tf_bert.py and models/distilbert/modeling_tf_distilbert.py.
"""

import itertools
import pathlib
import re

from tfbert.checkpoints.tensor_files.hdf5 import HDF5File
from tfbert.checkpoints.tensor_files.shards import Renamed
from tfbert.checkpoints.weights import Source
from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.weight_table import Row
from tfbert.files import read_json_object

_LAYER, _DISTIL_LAYER, _BLOCK = "encoder/layer_._{i}", "transformer/layer_._{i}", "block_{i}"

EMBEDDINGS = (
    Row("embeddings/token/embeddings", "embeddings/word_embeddings/weight"),
    Row("embeddings/token/embeddings", "embeddings/weight"),
    Row("embeddings/position/embeddings", "embeddings/position_embeddings/embeddings"),
    Row("embeddings/layer_norm/gamma", "embeddings/LayerNorm/gamma"),
    Row("embeddings/layer_norm/beta", "embeddings/LayerNorm/beta"),
)
BERT = (
    Row("embeddings/segment/embeddings", "embeddings/token_type_embeddings/embeddings"),
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
    Row("pooler/kernel", "pooler/dense/kernel"),
    Row("pooler/bias", "pooler/dense/bias"),
    Row("predictions/transform/kernel", "predictions/transform/dense/kernel"),
    Row("predictions/transform/bias", "predictions/transform/dense/bias"),
    Row("predictions/layer_norm/gamma", "predictions/transform/LayerNorm/gamma"),
    Row("predictions/layer_norm/beta", "predictions/transform/LayerNorm/beta"),
    Row("predictions/output_bias", "predictions/bias"),
    Row("seq_relationship/kernel", "seq_relationship/kernel"),
    Row("seq_relationship/bias", "seq_relationship/bias"),
)
DISTILBERT = (
    Row(f"{_BLOCK}/attention/query/kernel", f"{_DISTIL_LAYER}/attention/q_lin/kernel"),
    Row(f"{_BLOCK}/attention/query/bias", f"{_DISTIL_LAYER}/attention/q_lin/bias"),
    Row(f"{_BLOCK}/attention/key/kernel", f"{_DISTIL_LAYER}/attention/k_lin/kernel"),
    Row(f"{_BLOCK}/attention/key/bias", f"{_DISTIL_LAYER}/attention/k_lin/bias"),
    Row(f"{_BLOCK}/attention/value/kernel", f"{_DISTIL_LAYER}/attention/v_lin/kernel"),
    Row(f"{_BLOCK}/attention/value/bias", f"{_DISTIL_LAYER}/attention/v_lin/bias"),
    Row(f"{_BLOCK}/attention/output/kernel", f"{_DISTIL_LAYER}/attention/out_lin/kernel"),
    Row(f"{_BLOCK}/attention/output/bias", f"{_DISTIL_LAYER}/attention/out_lin/bias"),
    Row(f"{_BLOCK}/attention_norm/gamma", f"{_DISTIL_LAYER}/sa_layer_norm/gamma"),
    Row(f"{_BLOCK}/attention_norm/beta", f"{_DISTIL_LAYER}/sa_layer_norm/beta"),
    Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_DISTIL_LAYER}/ffn/lin1/kernel"),
    Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_DISTIL_LAYER}/ffn/lin1/bias"),
    Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_DISTIL_LAYER}/ffn/lin2/kernel"),
    Row(f"{_BLOCK}/feed_forward/output/bias", f"{_DISTIL_LAYER}/ffn/lin2/bias"),
    Row(f"{_BLOCK}/output_norm/gamma", f"{_DISTIL_LAYER}/output_layer_norm/gamma"),
    Row(f"{_BLOCK}/output_norm/beta", f"{_DISTIL_LAYER}/output_layer_norm/beta"),
    Row("pooler/kernel", "pre_classifier/kernel"),
    Row("pooler/bias", "pre_classifier/bias"),
    Row("predictions/transform/kernel", "vocab_transform/kernel"),
    Row("predictions/transform/bias", "vocab_transform/bias"),
    Row("predictions/layer_norm/gamma", "vocab_layer_norm/gamma"),
    Row("predictions/layer_norm/beta", "vocab_layer_norm/beta"),
    Row("predictions/output_bias", "vocab_projector/bias"),
)
HEADS = (
    Row("classifier/kernel", "classifier/kernel"),
    Row("classifier/bias", "classifier/bias"),
    Row("qa_outputs/kernel", "qa_outputs/kernel"),
    Row("qa_outputs/bias", "qa_outputs/bias"),
)
# layer, model and, once more, layer: bert/tf_bert_model/bert/…, mlm___cls/tf_bert_for_masked_lm/mlm___cls/…
_OUTER = re.compile(r"^[^/]+/(?:tf_\w+/)?(?:(?:bert|distilbert|mlm___cls|nsp___cls)/)?")


def open_folder(folder):
    """The `Source` of a folder with config.json and tf_model.h5."""
    folder = pathlib.Path(folder)
    values = read_json_object(folder / "config.json")
    config = BertConfig.from_file(folder / "config.json")
    file, names = HDF5File(folder / "tf_model.h5"), {}
    for stored in file.shapes:
        names.setdefault(_OUTER.sub("", stored.removesuffix(":0")), stored)
    is_distilbert = values.get("model_type") == "distilbert"
    table = itertools.chain(EMBEDDINGS, DISTILBERT if is_distilbert else BERT, HEADS)
    description = f"Hugging Face's TensorFlow folder {folder} (tf_model.h5)"
    return Source(description, folder, config, values, [(tuple(table), Renamed(file, names))])
