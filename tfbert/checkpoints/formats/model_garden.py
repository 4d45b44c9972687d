"""TensorFlow Model Garden's TF2 checkpoint: bert_config.json, vocab.txt, bert_model.ckpt-1.{index,data-…}.

Its tensors belong to a graph of named objects. A file stores a tensor under the first path that leads to it.
Source: tensorflow/models, official/nlp/tools/tf2_bert_encoder_checkpoint_converter.py,
official/nlp/modeling/networks/{bert_encoder,encoder_scaffold}.py, official/nlp/modeling/models.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import trackable_object_graph_pb2

from tfbert.checkpoints import tokenizer_files
from tfbert.checkpoints.formats import Format, google_tf1
from tfbert.checkpoints.tensor_files.shards import Renamed
from tfbert.checkpoints.tensor_files.tensor_bundle import TensorBundle, write_tensor_bundle
from tfbert.checkpoints.weights import Source, Weights, check_rows, rows_to_write, stored_value
from tfbert.encoders import families
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.weight_table import expand
from tfbert.errors import CheckpointError

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
NAME = "model_garden"  # of the format in a family's `forms`
# Where the encoder may be in the graph: alone, in a pretrainer, in a classifier, or as the root itself.
_ENCODERS = ("encoder", "model/encoder_network", "model/_network", "model", "_network", "encoder_network", "")
_TOKENS = "encoder/_embedding_layer/embeddings"


def recognises(folder: pathlib.Path) -> bool:
    """Whether a folder has bert_config.json, and a checkpoint with a graph of objects, unlike those of TF1."""
    if google_tf1.config_file(folder) is None:
        return False
    prefix = google_tf1.checkpoint_prefix(folder)
    # GRAPH is the first key of the sorted index, so it is stored in full
    return GRAPH.encode() in prefix.with_name(prefix.name + ".index").read_bytes()


def open_folder(folder: Any) -> Source:
    """The `Source` of a folder with bert_config.json and a checkpoint with a graph of objects."""
    folder = pathlib.Path(folder)
    bundle = TensorBundle(google_tf1.checkpoint_prefix(folder))
    family = families.family_in(NAME, ())
    values, config = google_tf1.read_config(folder, family, NAME)
    if config.num_hidden_layers > len(bundle.shapes):
        raise CheckpointError(f"{bundle.prefix}: too few tensors for {config.num_hidden_layers} layers")
    graph, table = _Graph(bundle), family.forms[NAME].table
    anchor = next((path for path in _ENCODERS if graph.key(_in_encoder(path, "_embedding_layer", config))), None)
    if anchor is None:
        raise CheckpointError(f"{bundle.prefix}: its objects lead to no encoder of {family.name}")
    names = {}
    for row in expand(table, config.num_hidden_layers):
        path = row.tensor
        inner, is_inner = path.removeprefix("encoder/"), path.startswith("encoder/")
        key = graph.key(_in_encoder(anchor, inner, config)) if is_inner else graph.key([path])
        if key in bundle.shapes:
            names[path] = key
    if "model/classifier/kernel" in names:
        values["architectures"] = [family.architecture("TokenClassification")]
    description = f"Model Garden checkpoint {bundle.prefix}"
    return Source(description, folder, config, values, [(table, Renamed(bundle, names))])


def numbered_layers(config: EncoderConfig) -> dict[str, str]:
    """{name of a layer of the encoder: its number among the layers with weights}, Keras' second name for it."""
    count = config.num_hidden_layers
    names = ("_embedding_layer", "_position_embedding_layer", "_type_embedding_layer", "_embedding_norm_layer")
    layers = (*names, *(f"_transformer_layers/{i}" for i in range(count)), "_pooler_layer")
    return {name: f"layer_with_weights-{number}" for number, name in enumerate(layers)}


def _numbered(path, config):
    """The path that Model Garden's converter saves a tensor under."""
    for name, number in numbered_layers(config).items():
        path = path.replace(f"encoder/{name}/", f"encoder/{number}/")
    return path


def _in_encoder(anchor, path, config):
    """The paths under which a tensor of the encoder may be found."""
    start = f"{anchor}/" if anchor else ""
    paths = [start + path]
    for name, number in numbered_layers(config).items():
        if path == name or path.startswith(f"{name}/"):
            paths.append(start + number + path.removeprefix(name))
    if path == "_embedding_layer":
        paths = [f"{found}/embeddings" for found in paths]
    return paths


class _Graph:
    """The graph of objects of a checkpoint."""

    def __init__(self, bundle):
        try:
            graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(bundle.read_any(GRAPH))
        except (DecodeError, TypeError) as error:
            raise CheckpointError(f"{bundle.prefix}: its graph of objects is damaged: {error}") from None
        self._children = [{child.local_name: child.node_id for child in node.children} for node in graph.nodes]
        self._keys = [{value.name: value.checkpoint_key for value in node.attributes} for node in graph.nodes]

    def key(self, paths: Iterable[str]) -> str | None:
        """The name of the tensor at the first of the paths that leads to one, or None."""
        for path in paths:
            node = 0
            for name in path.split("/"):
                children = self._children[node] if 0 <= node < len(self._children) else {}
                node = children.get(name, -1)
            if 0 <= node < len(self._keys) and self._keys[node].get("VARIABLE_VALUE"):
                return self._keys[node]["VARIABLE_VALUE"]
        return None


def write_weights(folder: Any, weights: Weights, classifies_tokens: bool = False) -> None:
    """Writes bert_config.json and bert_model.ckpt.* of any `Weights` into an existing folder.

    The objects are those of networks.BertEncoder and BertEncoderV2 under `encoder`, of BertPretrainerV2,
    BertClassifier, BertTokenClassifier and BertSpanLabeler under `model`, and of BertPretrainerV2's `checkpoint_items`.
    """
    table, heads = weights.family.forms[NAME].table, weights.heads()
    other = "classifier" if classifies_tokens else "token_classifier"
    # The next-sentence head's pooler is an object, and has tensors, of its own.
    pooler = table.pooler if "seq_relationship" in heads else table.pooler[2:]
    chosen = [row for name, of_head in table.heads.items() if name != other for row in of_head]
    written = (*table.encoder, *pooler, *chosen)
    check_rows(weights, written, "Model Garden")
    google_tf1.write_config(folder, weights, NAME)
    rows = {row.tensor: (row, shape) for row, shape in rows_to_write(weights, written)}
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.nodes.add()
    keys = {path: f"{_numbered(path, weights.config)}/.ATTRIBUTES/VARIABLE_VALUE" for path in rows}
    for path, key in keys.items():
        value = graph.nodes[_node(graph, path)].attributes.add()
        value.name, value.full_name, value.checkpoint_key = "VARIABLE_VALUE", path, key
    for name, number in numbered_layers(weights.config).items():
        _also(graph, f"encoder/{name}", f"encoder/{number}")
    if "predictions" in heads:
        _also(graph, _TOKENS, "masked_lm/embedding_table")
        _also(graph, "masked_lm/bias", ["masked_lm", "output_bias/bias"])
        _also(graph, "masked_lm", "model/masked_lm")
    if "seq_relationship" in heads:
        _also(graph, "next_sentence.pooler_dense", "model/classification_heads/0/dense")
    if heads:
        _also(graph, "encoder", "model/encoder_network")
        _also(graph, "encoder", "model/_network")
    else:
        _also(graph, "encoder", "model")
    by_key = {keys[path]: row for path, row in rows.items()}
    write_tensor_bundle(
        pathlib.Path(folder) / "bert_model.ckpt",
        {key: shape for key, (_, shape) in by_key.items()},
        lambda key: stored_value(weights, *by_key[key]),
        {GRAPH: graph.SerializeToString()},
    )


def _node(graph, path):
    """The number of the node that a path leads to, made where there is none."""
    node = 0
    for name in path if isinstance(path, list) else path.split("/"):
        found = [child.node_id for child in graph.nodes[node].children if child.local_name == name]
        if not found:
            found = [len(graph.nodes)]
            child = graph.nodes[node].children.add()
            child.node_id, child.local_name = found[0], name
            graph.nodes.add()
        node = found[0]
    return node


def _also(graph, path, other):
    """Makes another path lead to the same node. In a path given as a list, names may have slashes."""
    parts = other if isinstance(other, list) else other.split("/")
    child = graph.nodes[_node(graph, parts[:-1])].children.add()
    child.node_id, child.local_name = _node(graph, path), parts[-1]


def _write(folder: pathlib.Path, source: Source, weights: Weights, tokenizer: Any) -> None:
    write_weights(folder, weights, classifies_tokens=source.hugging_face_head() == "TokenClassification")
    tokenizer_files.write_vocabulary(folder, source, tokenizer)


FORMAT = Format(
    name=NAME,
    title="Model Garden",
    files="bert_config.json with bert_model.ckpt-1.* (Model Garden)",
    recognises=recognises,
    open_folder=open_folder,
    write=_write,
    marker="bert_config.json",
)
