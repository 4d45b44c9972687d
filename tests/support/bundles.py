"""The index of a TensorFlow checkpoint, from entries that may lie."""

import struct

from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import tensor_bundle_pb2
from varints import varint

from tfbert.checkpoints.tensor_files.bundle_index import masked_crc32c


def block(items, restarts=(0,), shared=0):
    """A block of (key, value); those after the first say that they share so many bytes with the one before."""
    parts = []
    for i, (key, value) in enumerate(items):
        kept = shared if i else 0
        parts.append(varint(kept) + varint(len(key)) + varint(len(value)) + key + value)
    return b"".join(parts) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def table(blocks, times=1):
    """A table of these blocks, each listed so many times."""
    data, handles = b"", []
    for content in (*blocks, block([])):
        handles.append(varint(len(data)) + varint(len(content)))
        data += content + b"\0" + struct.pack("<I", masked_crc32c(content + b"\0"))
    *handles, metaindex = handles
    content = block([(b"z%06d" % i, handle) for i, handle in enumerate(handles * times)])
    index = varint(len(data)) + varint(len(content))
    data += content + b"\0" + struct.pack("<I", masked_crc32c(content + b"\0"))
    return data + (metaindex + index).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def entry(sizes, size, dtype=types_pb2.DT_FLOAT, shard=0, crc=0):
    made = tensor_bundle_pb2.BundleEntryProto(dtype=dtype, size=size, shard_id=shard, crc32c=crc)
    for number in sizes:
        made.shape.dim.add(size=number)
    return made.SerializeToString()


def header(shards=1):
    made = tensor_bundle_pb2.BundleHeaderProto(num_shards=shards)
    made.version.producer = 1
    return made.SerializeToString()
