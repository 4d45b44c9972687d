"""Operations of a SavedModel that reach out of the graph: to files, to the network, or into Python.

A SavedModel is a program. TensorFlow runs parts of it when it is loaded, before the first request. No model that this
package exports needs one of these operations; a model of somebody else may, and whoever serves it should know.
"""

from __future__ import annotations

import re

from tensorflow.core.protobuf import meta_graph_pb2

from tfbert.serving.models.graph_operations import operations_of

# By name, of those that TensorFlow 2.21 registers.
_NAMES = re.compile(
    r"PyFunc|ReadFile|WriteFile|MatchingFiles|TextFile|TextLine|TFRecord|FixedLengthRecord|FileSystem"
    r"|Reader(?!Num|Serialize)|SqlDataset|CacheDataset|SaveDataset|LoadDataset|Snapshot(?=.)|DataService|RemoteCall"
    r"|Summary(?:Writer|File|Db)|^Write\w*Summary$|^(?:Save|Restore)(?:Slices?)?$|DistributedSave|LoadAndRemapMatrix"
    r"|GenerateVocabRemapping|ImmutableConst|(?:En|De)codeProto|^Debug(?:Identity|Nan|Numeric)|^Print|^_?(?:Send|Recv)$"
    r"|^Abort$"
)


def operations_reaching_out(graph: meta_graph_pb2.MetaGraphDef) -> list[str]:
    """Their names, sorted.

    What saves and restores variables (SaveV2, RestoreV2, MergeV2Checkpoints) is in every SavedModel and not among them,
    so an empty list is no proof that a model does no harm.

    >>> operations_reaching_out(meta_graph_pb2.MetaGraphDef(graph_def={"node": [{"op": "WriteFile"}, {"op": "Add"}]}))
    ['WriteFile']
    """
    return sorted(filter(_NAMES.search, operations_of(graph)))
