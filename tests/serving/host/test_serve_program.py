"""`tfbert serve` in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from served import REPOSITORY

from tfbert.serving.client.client import Client
from tfbert.serving.client.messages import RequestError


@pytest.mark.parametrize("ending", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_program_serves_until_a_signal_and_exits_with_0(model_dir, ending):
    command = [sys.executable, "-m", "tfbert.launch.main", "serve", f"--model={model_dir}", "--grpc_port=0"]
    command += ["--rest_port=0", "--log_requests", "--max_batch_size=8", "--version_labels=stable=3"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"}}
    process = subprocess.Popen(command, cwd=REPOSITORY, text=True, **pipes)
    try:
        line = process.stdout.readline()
        assert line.startswith("serving mine version 3 on 127.0.0.1:"), process.communicate()
        with Client(line.split()[5], model="mine", timeout=20) as client:
            assert client.predict(["a b"])[0]["logits"] == [3, 2]
            with pytest.raises(RequestError, match="INVALID_ARGUMENT"):  # TensorFlow's own log must not quote the ids
                client.predict_arrays({"token_ids": np.full((1, 4), -987654, np.int32)}, signature_name="ids")
            assert client.healthy() and client.status()[0]["state"] == "AVAILABLE"
            assert re.match(r"REST on http://127.0.0.1:\d+/v1/models, metrics", process.stdout.readline())
            assert process.stdout.readline() == "HandleReloadConfigRequest is on; --noreload_config changes that\n"
            assert process.stdout.readline().startswith("this is the development server")
            process.send_signal(ending)
            output, errors = process.communicate(timeout=20)
            assert process.returncode == 0 and "Traceback" not in errors and output == ""
            events = [json.loads(line) for line in errors.splitlines() if line.startswith('{"time"')]
            assert events[0]["message"].startswith("TF_CPP_MIN_LOG_LEVEL is 2")
            assert [event["event"] for event in events[1:]] == ["loaded", *["request"] * 3, "unloaded"]
            assert events[2]["method"] == "Predict" and "a b" not in errors and "987654" not in errors
            assert not client.healthy()
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give --model or --model_config_file"),
        (["--model=nowhere", "--version_labels=stable"], "write it as stable=3"),
        (["--model=nowhere", "--tls_key=x"], "TLS needs --tls_certificate and --tls_key"),
    ],
)
@pytest.mark.slow
def test_wrong_flags_are_told_in_one_line(flags, message):
    command = [sys.executable, "-m", "tfbert.launch.main", "serve", *flags]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode and message in result.stderr and "Traceback" not in result.stderr
