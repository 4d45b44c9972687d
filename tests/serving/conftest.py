"""One served model for all tests of the server."""

import grpc
import pytest
from served import CHANNEL_OPTIONS, save

from tfbert.serving.host.server import Server


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "mine"
    save(folder / "3")
    (folder / "2").mkdir()  # older, never opened
    (folder / "temp-10").mkdir()  # no version
    return folder


@pytest.fixture(scope="session")
def server(model_dir):
    with Server(model_dir, port=0, rest_port=0, workers=4) as server:
        yield server


@pytest.fixture(scope="session")
def channel(server):
    with grpc.insecure_channel(server.address, CHANNEL_OPTIONS) as channel:
        yield channel
