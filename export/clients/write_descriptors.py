"""Writes the descriptors of TF Serving's services, from which other languages make their clients.

python export/clients/write_descriptors.py prediction_service.binpb

protoc takes the file in place of .proto files (--descriptor_set_in), grpcurl too (-protoset).
"""

import sys

from google.protobuf import descriptor_pb2
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = {}

    def add(file):
        for dependency in file.dependencies:  # those that a file needs stand before it
            add(dependency)
        if file.name not in found:
            found[file.name] = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)

    add(prediction_service_pb2.DESCRIPTOR)
    add(model_service_pb2.DESCRIPTOR)
    with open(sys.argv[1], "wb") as file:
        file.write(descriptor_pb2.FileDescriptorSet(file=found.values()).SerializeToString())


if __name__ == "__main__":
    main()
