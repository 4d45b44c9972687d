"""One served model for all tests of the server."""

import shutil
import subprocess

import grpc
import pytest
from served import CHANNEL_OPTIONS, Gate, save

from tfbert.serving.host.server import Server


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "mine"
    save(folder / "3")
    (folder / "2").mkdir()  # older, never opened
    (folder / "temp-10").mkdir()  # no version
    return folder


@pytest.fixture(scope="session")
def numbered(tmp_path_factory):
    """Versions 1 to 4 to copy from, each of which multiplies its logits by its number."""
    folder = tmp_path_factory.mktemp("numbered")
    for number in range(1, 5):
        save(folder / str(number), factor=number)
    return folder


@pytest.fixture(scope="session")
def server(model_dir):
    with Server(model_dir, port=0, rest_port=0, workers=4) as server:
        yield server


@pytest.fixture(scope="session")
def strict(model_dir):
    """A server that waits for no client longer than a second, and holds 100 connections of each protocol."""
    limits = {"receive_seconds": 1.0, "connection_idle_seconds": 1.0, "max_connections": 100}
    with Server(model_dir, port=0, rest_port=0, **limits) as server:
        yield server


@pytest.fixture(scope="session")
def channel(server):
    with grpc.insecure_channel(server.address, CHANNEL_OPTIONS) as channel:
        yield channel


@pytest.fixture
def hold(monkeypatch):
    """hold(server): a `Gate` before all predictions of its first version, which opens when the test ends."""
    gates = []

    def make(server):
        gates.append(Gate())
        servable = server.models.available()[0].servable
        monkeypatch.setattr(servable, "run", gates[-1].before(servable.run))
        return gates[-1]

    yield make
    for gate in gates:
        gate.open()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A folder with an authority, and certificates by it for localhost and for a client."""
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificates with openssl")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    key = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=tests")
    for name in ("server", "client"):
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", f"{name}.crt", "-days", "2", "-extfile", "names"),
        )
    return folder
