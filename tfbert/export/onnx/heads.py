"""The heads of tasks as nodes of an ONNX graph. B batch, S sequence, H hidden, L labels, D dimensions."""

import numpy as np
from onnx import TensorProto

from tfbert.errors import ExportError
from tfbert.tasks.multiple_choice.task import NO_CHOICE
from tfbert.tasks.question_answering.decoding import NOWHERE

_LEAST, _SHORTEST, _NO_VALUE = 1e-9, 1e-24, -1e9  # SentencePooling's


def write_head(graph, model, sequence_output, name):
    """Adds the head of a task model behind its encoder; its output gets the `name`. Returns the output's shape.

    Raises ExportError for a task of which there is no such head.
    """
    if model.task.name not in _HEADS:
        raise ExportError(f"task {model.task.name} has no head in ONNX; the tasks with one are {', '.join(_HEADS)}")
    return _HEADS[model.task.name](graph, model, sequence_output, name)


def _of_text(graph, model, sequence_output, name):
    """Logits [B, L] of the pooled output."""
    return _logits(graph, model, model.encoder.write_onnx_text_vector(graph, sequence_output), name)


def _of_choice(graph, model, sequence_output, name):
    """Logits [B, 1], of rows without a token those of no choice."""
    pooled = model.encoder.write_onnx_text_vector(graph, sequence_output)
    layer = model.network.get_layer("classifier")
    logits = graph.dense(layer, pooled, "classifier")
    given = graph.op("ReduceMax", "padding_mask", axes=[1], keepdims=1)
    given = graph.op("Cast", given, to=TensorProto.BOOL)
    graph.op("Where", given, logits, graph.number(NO_CHOICE), name=name)
    return ["batch", 1]


def _of_tokens(graph, model, sequence_output, name):
    """Logits [B, S, L] of each token; with trained transitions [B, L + S, L], see `TagTransitions`."""
    if not model.task.transitions:
        return _logits(graph, model, sequence_output, name, sequence=True)
    logits = graph.dense(model.network.get_layer("classifier"), sequence_output, "classifier")
    scores = model.network.get_layer("tag_transitions").scores()
    tags = len(scores)
    rows = graph.op("Slice", graph.op("Shape", "token_ids"), graph.integers(0), graph.integers(1))
    shape = graph.op("Concat", rows, graph.integers(tags, tags), axis=0)
    scores = graph.op("Expand", graph.weight("transitions", scores), shape)
    graph.op("Concat", scores, logits, axis=1, name=name)
    return ["batch", "transitions_and_sequence", tags]


def _of_span(graph, model, sequence_output, name):
    """Logits [B, S, 2] of an answer's first and last token; padding is nowhere."""
    logits = graph.dense(model.network.get_layer("qa_outputs"), sequence_output, "qa_outputs")
    is_token = graph.op("Cast", graph.op("Unsqueeze", "padding_mask", axes=[2]), to=TensorProto.BOOL)
    graph.op("Where", is_token, logits, graph.number(NOWHERE), name=name)
    return ["batch", "sequence", 2]


def _of_sentence(graph, model, sequence_output, name):
    """Logits [B, S] of each token's sentence."""
    logits = graph.dense(model.network.get_layer("classifier"), sequence_output, "classifier")
    graph.op("Squeeze", logits, axes=[2], name=name)
    return ["batch", "sequence"]


def _of_relation(graph, model, sequence_output, name):
    """Logits [B, L] of the vectors at the two entities' markers."""
    places = [graph.op("Unsqueeze", place, axes=[1]) for place in ("head_start", "tail_start")]
    places = graph.op("Unsqueeze", graph.op("Concat", *places, axis=1), axes=[2])  # [B, 2, 1]
    places = graph.op("Cast", places, to=TensorProto.INT64)
    pair = graph.op("GatherND", sequence_output, places, batch_dims=1)  # [B, 2, H]
    pair = graph.op("Reshape", pair, graph.integers(0, 2 * model.encoder.config.hidden_size))
    return _logits(graph, model, pair, name)


def _of_embedding(graph, model, sequence_output, name):
    """The sentence's vector [B, D]; as `SentencePooling`, and the dense layer where there is one."""
    task = model.task
    is_token = graph.op("Unsqueeze", "padding_mask", axes=[2])
    if task.pooling == "cls":
        vector = graph.op("Gather", sequence_output, graph.weight("first", np.array(0, np.int64)), axis=1)
    elif task.pooling == "max":
        is_token = graph.op("Cast", is_token, to=TensorProto.BOOL)
        kept = graph.op("Where", is_token, sequence_output, graph.number(_NO_VALUE))
        vector = graph.op("ReduceMax", kept, axes=[1], keepdims=0)
    else:
        is_token = graph.op("Cast", is_token, to=TensorProto.FLOAT)
        total = graph.op("ReduceSum", graph.op("Mul", sequence_output, is_token), axes=[1], keepdims=0)
        count = graph.op("ReduceSum", is_token, axes=[1], keepdims=0)
        vector = graph.op("Div", total, graph.op("Max", count, graph.number(_LEAST)))
    if task.dense_units:
        vector = graph.dense(model.network.get_layer("dense"), vector, "dense")
        vector = graph.activation(task.dense_activation, vector)
    if task.dimensions:
        vector = graph.op("Slice", vector, graph.integers(0), graph.integers(task.dimensions), graph.integers(1))
    if task.normalize:
        square = graph.op("ReduceSum", graph.op("Mul", vector, vector), axes=[-1], keepdims=1)
        vector = graph.op("Div", vector, graph.op("Sqrt", graph.op("Max", square, graph.number(_SHORTEST))))
    graph.op("Identity", vector, name=name)
    return ["batch", task.dimensions or task.dense_units or model.encoder.config.hidden_size]


def _logits(graph, model, x, name, sequence=False):
    layer = model.network.get_layer("classifier")
    graph.op("Identity", graph.dense(layer, x, "classifier"), name=name)
    return ["batch", *(["sequence"] if sequence else []), int(layer.kernel.shape[-1])]


_HEADS = {
    "classification": _of_text,
    "token_classification": _of_tokens,
    "relation_extraction": _of_relation,
    "question_answering": _of_span,
    "summarization": _of_sentence,
    "sentence_embedding": _of_embedding,
    "multiple_choice": _of_choice,
}
