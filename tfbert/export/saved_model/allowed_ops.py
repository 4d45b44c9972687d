"""The operations that stock TF Serving has, of those that a graph of this package may use.

Its server links TensorFlow's own operations and all of tensorflow-text's (tensorflow_serving/model_servers/BUILD,
SUPPORTED_TENSORFLOW_OPS). The list is of those that the graphs of all tasks have, and a few near them.
"""

from __future__ import annotations

import os
from collections.abc import Set

from tfbert.errors import ExportError

_TENSORFLOW_TEXT = {
    "FastBertNormalize",
    "FastWordpieceTokenizeWithOffsets",
    "FindSourceOffsets",
    "NormalizeUTF8",
    "NormalizeUTF8WithOffsetsMap",
    "RegexSplitWithOffsets",
    "SentencepieceOp",
    "SentencepieceTokenizeOp",
    "SentencepieceTokenizeWithOffsetsOp",
    "TFText>ByteSplitByOffsets",
    "TFText>FastSentencepieceTokenize",
}

# TensorFlow's own, as the graphs of all tasks have them; a list, because Python has operations that no server has.
_TENSORFLOW = """
    Abs Add AddN AddV2 All Any ArgMax Assert AssignVariableOp BatchMatMulV2 BiasAdd BroadcastTo Cast ConcatV2 Const Cos
    Cumsum DenseBincount DisableCopyOnRead Einsum EnsureShape Equal Erf Exp ExpandDims Fill FloorDiv FloorMod
    GatherNd GatherV2 Greater GreaterEqual Identity IdentityN If InvertPermutation Less LessEqual Log LogSoftmax
    LogicalAnd LogicalNot LogicalOr LowerBound MatMul MatrixBandPart Max Maximum Mean MergeV2Checkpoints Min Minimum
    Mul Neg NoOp NotEqual OneHot OnesLike Pack Pad PadV2 ParseExampleV2 PartitionedCall Placeholder Pow Prod
    RaggedGather RaggedRange RaggedTensorToTensor Range ReadVariableOp RealDiv ReduceJoin Relu Relu6 Reshape
    RestoreV2 Round Rsqrt SaveV2 ScatterNd Select SelectV2 Shape ShardedFilename Sigmoid Sin Size Slice Softmax Softplus
    Split Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall StatelessIf StatelessWhile
    StaticRegexFullMatch StaticRegexReplace StopGradient StridedSlice StringJoin StringLength StringLower
    StringSplit StringSplitV2 Sub Substr Sum Tanh TensorListConcatV2 TensorListFromTensor TensorListGetItem
    TensorListLength TensorListReserve TensorListSetItem TensorListStack TensorScatterUpdate Tile TopKV2 Transpose
    UnicodeTranscode Unique Unpack UnsortedSegmentJoin UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentSum
    UpperBound VarHandleOp VarIsInitializedOp Where While ZerosLike
"""

ALLOWED = _TENSORFLOW_TEXT | set(_TENSORFLOW.split())


def check(operations: Set[str], path: str | os.PathLike) -> None:
    """Raises ExportError for operations that are not on the list.

    >>> check({"MatMul", "PyFunc"}, "served/mine/1")
    Traceback (most recent call last):
        ...
    tfbert.errors.ExportError: served/mine/1: the graph uses PyFunc, …
    """
    if unknown := sorted(operations - ALLOWED):
        raise ExportError(
            f"{path}: the graph uses {', '.join(unknown)}, which is not on the list of operations that TF Serving has "
            "(tfbert/export/saved_model/allowed_ops.py): write the task without it, or add it there if your server "
            "links it"
        )
