"""Writes the descriptors of TF Serving's services, from which clients in other languages are generated.

python export/clients/write_descriptors.py prediction_service.binpb

protoc takes the file in place of .proto files (--descriptor_set_in), and so does grpcurl (-protoset).
"""

import sys
from typing import Any

from google.protobuf import descriptor_pb2
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2


def main() -> None:
    """Writes the file that is named as the argument."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: Any) -> None:
        for dependency in file.dependencies:  # a file comes after those that it imports
            add(dependency)
        if file.name not in found:
            found[file.name] = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)

    add(prediction_service_pb2.DESCRIPTOR)
    add(model_service_pb2.DESCRIPTOR)
    with open(sys.argv[1], "wb") as file:
        file.write(descriptor_pb2.FileDescriptorSet(file=found.values()).SerializeToString())


if __name__ == "__main__":
    main()
