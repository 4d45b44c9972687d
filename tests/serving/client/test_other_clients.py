"""The clients of export/clients against the embedded server, and the client for asyncio."""

import asyncio
import json
import shutil
import subprocess
import sys

import grpc
import pytest
from served import REPOSITORY

from tfbert.errors import ServingError
from tfbert.serving import AsyncClient
from tfbert.serving.client.client import RequestError

CLIENTS = REPOSITORY / "export/clients"
TEXT = 'a "b" \\ ɓ 🙂'


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="module")
def url(server):
    return server.rest_url.removesuffix("/v1/models")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl(url):
    result = run("sh", str(CLIENTS / "rest.sh"), url, "mine", TEXT)
    (row,) = json.loads(result.stdout)["predictions"]
    assert row["logits"] == [len(TEXT.encode()), 5]
    assert "Servable not found" in run("sh", str(CLIENTS / "rest.sh"), url, "other", "a").stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_node_over_rest(url):
    result = run("node", str(CLIENTS / "rest.mjs"), url, "mine", TEXT, "")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["logits"] for row in rows] == [[len(TEXT.encode()), 5], [0, 0]], result.stderr
    failed = run("node", str(CLIENTS / "rest.mjs"), url, "other", "a")
    assert failed.returncode == 1 and failed.stderr == "404: Servable not found for request: Latest(other)\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node and npm")
def test_node_over_grpc(server, tmp_path):
    installed = run(
        "npm", "install", "--no-audit", "--no-fund", "@grpc/grpc-js@1", "@grpc/proto-loader@0.8", cwd=tmp_path
    )
    if installed.returncode:
        pytest.skip(f"npm cannot install grpc-js: {installed.stderr[-200:]}")
    shutil.copy(CLIENTS / "grpc.mjs", tmp_path)
    written = run(sys.executable, str(CLIENTS / "write_descriptors.py"), str(tmp_path / "services.binpb"))
    assert written.returncode == 0, written.stderr
    ask = ["node", "grpc.mjs", "services.binpb", server.address]
    answer = run(*ask, "mine", TEXT, "a b", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    outputs = json.loads(answer.stdout)
    assert outputs["label"] == ["bytes", "bytes"] and outputs["logits"] == [len(TEXT.encode()), 5, 3, 2]
    assert "NOT_FOUND" in run(*ask, "other", "a", cwd=tmp_path).stderr


# In a process of its own: the embedded server has gRPC's asyncio loop of this one.
ASYNC = """
import asyncio, json, sys
from tfbert.serving import AsyncClient

async def main(address):
    async with AsyncClient(address, model="mine", timeout=20) as client:
        answers = await asyncio.gather(*(client.predict(["x" * size, "a b"]) for size in range(50)))
        arrays = await client.predict_arrays({"text": ["a b"]}, output_filter=["logits"])
        print(json.dumps({
            "logits": [[row["logits"] for row in rows] for rows in answers],
            "array": arrays["logits"].tolist(),
            "status": await client.status(),
            "signatures": sorted((await client.metadata())["signatures"]),
            "empty": await client.predict([]),
        }))

asyncio.run(main(sys.argv[1]))
"""


def test_the_client_for_asyncio(server):
    result = run(sys.executable, "-c", ASYNC, server.address, cwd=REPOSITORY)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["logits"] == [[[size, size > 0], [3, 2]] for size in range(50)]
    assert found["array"] == [[3, 2]] and found["empty"] == []
    assert found["status"] == [{"version": 3, "state": "AVAILABLE", "error": ""}]
    assert {"classify", "pair", "serving_default"} <= set(found["signatures"])


def test_the_client_for_asyncio_has_the_same_errors():
    async def main():
        async with AsyncClient("localhost:1", model="mine", timeout=0.2) as client:
            with pytest.raises(RequestError, match="DEADLINE_EXCEEDED.*no answer in 0.2 s") as caught:
                await client.predict(["a"])
            assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED
            with pytest.raises(ServingError, match="not one text"):
                await client.predict("a")
            with pytest.raises(ServingError, match="number of seconds"):
                await client.status(timeout=0)
        with pytest.raises(ServingError, match="another AsyncClient"):
            await client.predict(["a"])

    asyncio.run(main())
