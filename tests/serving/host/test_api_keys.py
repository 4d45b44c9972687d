"""A server with API keys answers who sends one, over gRPC and REST, and health checks."""

import asyncio
import json
import urllib.error
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from served import CODE, request
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc, prediction_service_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.client.async_client import AsyncClient
from tfbert.serving.client.client import Client, RequestError
from tfbert.serving.host import api_keys
from tfbert.serving.host.api_keys import ApiKeys
from tfbert.serving.host.server import Server

KEYS = ["first-key-0123456789", "second-key-0123456789"]
WRONG = [
    None,
    "",
    "Bearer",
    "Bearer ",
    KEYS[0],
    f"Basic {KEYS[0]}",
    f"Bearer {KEYS[0]}x",
    f"Bearer {KEYS[0][:-1]}",
    f"Bearer {KEYS[0].upper()}",
]


@pytest.fixture(scope="module")
def locked(model_dir, tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text("\n".join(["", *KEYS, ""]))
    with Server(model_dir, port=0, rest_port=0, api_key_file=file) as server:
        yield server


def get(server, path, authorization, body=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    url = server.rest_url.removesuffix("/v1/models") + path
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_api_is_described_to_who_has_a_key(locked):
    status, _ = get(locked, "/openapi.json", None)
    assert status == 401
    status, answer = get(locked, "/openapi.json", f"Bearer {KEYS[0]}")
    found = json.loads(answer)
    assert status == 200 and found["security"] == [{"ApiKey": []}]
    assert found["components"]["securitySchemes"] == {"ApiKey": {"type": "http", "scheme": "bearer"}}
    assert all("401" in each["responses"] for methods in found["paths"].values() for each in methods.values())


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_the_file_is_answered(locked, key):
    with Client(locked.address, model="mine", api_key=key) as client:
        assert client.predict(["a b"])[0]["logits"] == [3, 2]
        assert client.status()[0]["state"] == "AVAILABLE" and client.metadata()["version"] == 3
    for scheme in ("Bearer", "bearer"):
        status, answer = get(locked, "/v1/models/mine:predict", f"{scheme} {key}", b'{"instances": ["a b"]}')
        assert status == 200 and json.loads(answer)["predictions"][0]["logits"] == [3, 2]

    async def ask():
        async with AsyncClient(locked.address, model="mine", api_key=key) as client:
            return await client.predict(["a b"])

    assert asyncio.run(ask())[0]["logits"] == [3, 2]


@pytest.mark.parametrize("value", WRONG)
def test_without_a_key_nothing_is_answered(locked, value):
    metadata = [] if value is None else [("authorization", value)]
    with grpc.insecure_channel(locked.address) as channel:
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        status = get_model_status_pb2.GetModelStatusRequest()
        reflected = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        for call in (
            lambda: prediction.Predict(request(), timeout=10, metadata=metadata),
            lambda: prediction.Predict(request(name="other"), timeout=10, metadata=metadata),
            lambda: model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(
                status, timeout=10, metadata=metadata
            ),
            lambda: list(
                reflected(
                    iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=10, metadata=metadata
                )
            ),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call()
            assert caught.value.code() == CODE.UNAUTHENTICATED and "Bearer KEY" in caught.value.details()
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert check.status == health_pb2.HealthCheckResponse.SERVING
    for path, body in (
        ("/v1/models/mine:predict", b'{"instances": ["a"]}'),
        ("/v1/models/mine", None),
        ("/v1/models/mine/metadata", None),
        ("/monitoring/prometheus/metrics", None),
        ("/anything", None),
    ):
        status, answer = get(locked, path, value, body)
        assert status == 401 and "Bearer KEY" in json.loads(answer)["error"]


def test_two_keys_at_once_are_no_key(locked):
    with grpc.insecure_channel(locked.address) as channel, pytest.raises(grpc.RpcError) as caught:
        metadata = [("authorization", f"Bearer {key}") for key in KEYS]
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request(), timeout=10, metadata=metadata)
    assert caught.value.code() == CODE.UNAUTHENTICATED


def test_strangers_are_counted_and_the_client_says_what_to_do(locked):
    with Client(locked.address, model="mine") as client, pytest.raises(RequestError, match="give the server's api_key"):
        client.predict(["a"])
    assert get(locked, "/v1/models/mine", None)[0] == 401
    metrics = locked.metrics.render().decode()
    for protocol in ("grpc", "rest"):
        assert f'code="UNAUTHENTICATED",method="any",model="",protocol="{protocol}"' in metrics
    for wrong in ("", "two words", "line\nbreak", "schlüssel", 7):
        with pytest.raises(ServingError, match="api_key: give a string") as caught:
            Client("localhost:1", model="mine", api_key=wrong)
        assert str(wrong) == "" or str(wrong) not in str(caught.value)


def test_every_key_is_compared_in_constant_time(monkeypatch):
    compared, compare = [], api_keys.hmac.compare_digest

    def noted(given, key):
        compared.append((len(given), len(key)))
        return compare(given, key)

    monkeypatch.setattr(api_keys.hmac, "compare_digest", noted)
    keys = ApiKeys([*KEYS, "x" * 100])
    for value in (f"Bearer {KEYS[0]}", "Bearer y", None, b"Bearer \xff"):
        compared.clear()
        assert keys.allow(value) == (value == f"Bearer {KEYS[0]}")
        assert compared == [(32, 32)] * 3  # no shortcut after the first, and the lengths of keys do not show


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no API key"),
        (b"\n \n", "has no API key"),
        (b"a-key-that-is-fine-0123\nshort\n", "line 2: an API key has 16 characters or more"),
        (b"a key with spaces in it", "line 1"),
        ("a-key-of-schlüssel-letters".encode(), "line 1"),
        (b"\xff\xfe" * 20, "it is not UTF-8"),
        (None, "cannot be read .No such file"),
    ],
)
def test_files_without_keys(tmp_path, content, message):
    if content is not None:
        (tmp_path / "keys").write_bytes(content)
    with pytest.raises(ServingError, match=f"keys.*{message}") as caught:
        ApiKeys.read(tmp_path / "keys")
    assert not content or "short" not in str(caught.value)
