"""Who may make a server load other folders: nobody from another machine, unless that is asked for."""

import grpc
import pytest
from served import CODE, predict, refused, request
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from tfbert.serving.host.addresses import is_loopback
from tfbert.serving.host.server import Server
from tfbert.serving.host.tls import Tls


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("[::]", False),
        ("", False),
        ("0", False),
        ("8.8.8.8", False),
        ("no such host", False),
    ],
)
def test_loopback_addresses(host, loopback):
    assert is_loopback(host) == loopback


@pytest.mark.parametrize(
    ("settings", "on"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "0.0.0.0", "tls": Tls("a", "b")}, False),
        ({"host": "0.0.0.0", "tls": Tls("a", "b", "c")}, True),
        ({"host": "0.0.0.0", "reload_config": True}, True),
        ({"reload_config": False}, False),
        ({"host": "0.0.0.0", "tls": Tls("a", "b", "c"), "reload_config": False}, False),
    ],
)
def test_the_default_follows_from_who_reaches_the_port(model_dir, settings, on):
    assert Server(model_dir, port=0, **settings).reload_config == on


def test_a_server_for_all_machines_keeps_its_models(model_dir, numbered, tmp_path):
    message = model_management_pb2.ReloadConfigRequest()
    message.config.model_config_list.config.add(name="theirs", base_path=str(numbered))
    with (
        Server(model_dir, host="0.0.0.0", port=0, poll_seconds=0) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        reload = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        code, details = refused(reload, message)
        assert code == CODE.PERMISSION_DENIED and "--reload_config" in details
        assert server.served == [("mine", 3)] and predict(channel, request()).model_spec.version.value == 3
        assert b'code="PERMISSION_DENIED",method="HandleReloadConfigRequest"' in server.metrics.render()
