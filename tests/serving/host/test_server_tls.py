"""TLS for gRPC and REST."""

import ssl
import urllib.request

import pytest

from tfbert.errors import ServingError
from tfbert.serving.client.client import Client, RequestError
from tfbert.serving.host.server import Server
from tfbert.serving.host.tls import Tls


def test_tls_for_both_protocols_and_for_known_clients_only(model_dir, certificates):
    files = {name: str(certificates / name) for name in ("server.crt", "server.key", "ca.crt")}
    authority = (certificates / "ca.crt").read_bytes()
    known = {
        "certificate": (certificates / "client.crt").read_bytes(),
        "key": (certificates / "client.key").read_bytes(),
    }
    with Server(model_dir, port=0, rest_port=0, tls=Tls(files["server.crt"], files["server.key"])) as server:
        with Client(server.address, model="mine", root_certificates=authority) as client:
            assert client.predict(["a b"])[0]["logits"] == [3, 2]
        with Client(server.address, model="mine", timeout=0.5) as plain, pytest.raises(RequestError):
            plain.predict(["a"])
        context = ssl.create_default_context(cafile=files["ca.crt"])
        with urllib.request.urlopen(f"{server.rest_url}/mine", context=context, timeout=10) as answer:
            assert server.rest_url.startswith("https:") and answer.status == 200
    with Server(model_dir, port=0, tls=Tls(files["server.crt"], files["server.key"], files["ca.crt"])) as server:
        with Client(server.address, model="mine", root_certificates=authority, **known) as client:
            assert client.predict(["a b"])[0]["logits"] == [3, 2]
        with Client(server.address, model="mine", root_certificates=authority, timeout=1) as stranger:
            with pytest.raises(RequestError):
                stranger.predict(["a"])
    for wrong in (("server.crt", "none"), ("server.crt", "ca.key"), ("names", "server.key")):
        with pytest.raises(ServingError, match="give a PEM certificate and its key"):
            Server(model_dir, port=0, tls=Tls(*(str(certificates / name) for name in wrong))).start()
