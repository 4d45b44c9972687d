"""A hub id, through huggingface_hub's own client pointed at a server on this machine."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOAD = """
import sys
from tfbert.checkpoints import open_checkpoint
from tfbert.errors import CheckpointError
try:
    source = open_checkpoint(sys.argv[1])
    print(source.config.hidden_size, sorted(path.name for path in source.folder.iterdir()))
except CheckpointError as error:
    print("CheckpointError:", error)
"""


@pytest.fixture
def hub(tiny_checkpoint):
    """The few answers of the hub that a snapshot asks for."""
    files = {path.name: path.read_bytes() for path in tiny_checkpoint.iterdir()}
    files["pytorch_model.bin"] = b"not to be fetched"
    asked = []

    class Hub(http.server.BaseHTTPRequestHandler):
        def answer(self, body, **headers):
            self.send_response(200)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_GET(self):
            asked.append(self.path)
            path = self.path.split("?")[0]
            if path.startswith("/api/models/team/tiny"):
                if "/tree/" in path:
                    listed = [
                        {"type": "file", "path": name, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}
                        for name, body in files.items()
                    ]
                    return self.answer(json.dumps(listed).encode(), Content_Type="application/json")
                siblings = [{"rfilename": name} for name in files]
                info = {"id": "team/tiny", "sha": COMMIT, "siblings": siblings, "private": False}
                return self.answer(json.dumps(info).encode(), Content_Type="application/json")
            name = path.rpartition("/")[2]
            if "/resolve/" in path and path.startswith("/team/tiny/") and name in files:
                etag = hashlib.sha256(files[name]).hexdigest()
                return self.answer(files[name], ETag=f'"{etag}"', X_Repo_Commit=COMMIT)
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def load(name, endpoint, cache):
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    result = subprocess.run(
        [sys.executable, "-c", LOAD, name], env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_a_hub_id_is_fetched(hub, tmp_path):
    endpoint, asked = hub
    wanted = "32 ['config.json', 'model.safetensors', 'tokenizer_config.json', 'vocab.txt']"
    assert load("team/tiny", endpoint, tmp_path).strip() == wanted
    assert not any("pytorch_model.bin" in path for path in asked if "/resolve/" in path)


def test_an_unknown_hub_id_is_named(hub, tmp_path):
    endpoint, _ = hub
    output = load("team/absent", endpoint, tmp_path)
    assert output.startswith("CheckpointError: there is no folder team/absent, and the hub gave none")
