"""The operations of a SavedModel's graph, without running it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tensorflow.core.framework import node_def_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2


def _nodes_of(graph: meta_graph_pb2.MetaGraphDef) -> Iterator[node_def_pb2.NodeDef]:
    functions = graph.graph_def.library.function
    return itertools.chain(graph.graph_def.node, *(each.node_def for each in functions))


def operations_of(graph: meta_graph_pb2.MetaGraphDef) -> set[str]:
    """The names of all operations of a graph, but for calls of its own functions.

    >>> operations_of(meta_graph_pb2.MetaGraphDef(graph_def={"node": [{"op": "Add"}]}))
    {'Add'}
    """
    return {node.op for node in _nodes_of(graph)} - {each.signature.name for each in graph.graph_def.library.function}


def multiplies_in_bfloat16(graph: meta_graph_pb2.MetaGraphDef) -> bool:
    """Whether a product of matrices is computed in bfloat16.

    >>> node = {"op": "MatMul", "attr": {"T": {"type": types_pb2.DT_BFLOAT16}}}
    >>> multiplies_in_bfloat16(meta_graph_pb2.MetaGraphDef(graph_def={"node": [node]}))
    True
    """
    return any("MatMul" in node.op and node.attr["T"].type == types_pb2.DT_BFLOAT16 for node in _nodes_of(graph))
