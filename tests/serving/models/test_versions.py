"""Versions: taken up and unloaded while the server serves, policies, labels, and other models by ReloadConfig."""

import concurrent.futures
import shutil
import threading
import time

import grpc
import pytest
from served import CODE, eventually, predict, refused, request
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.client.client import Client
from tfbert.serving.host.server import Server
from tfbert.serving.models.versions import ModelSettings, find_model, find_versions, read_model_config


@pytest.fixture
def base(numbered, tmp_path):
    shutil.copytree(numbered / "1", tmp_path / "mine/1")
    return tmp_path / "mine"


def put(numbered, base, number):
    shutil.copytree(numbered / str(number), base.parent / "copying")
    (base.parent / "copying").rename(base / str(number))


def test_new_versions_are_taken_up_without_dropping_a_request(numbered, base):
    stop, seen = threading.Event(), [set() for _ in range(4)]

    def ask(number):
        with Client(server.address, model="mine", timeout=30) as client:
            while not stop.is_set():
                outputs = client.predict_arrays({"text": [b"x" * (number + 1)]})
                factor, rest = divmod(outputs["logits"][0, 0], number + 1)
                assert rest == 0 and outputs["logits"][0, 1] == factor
                seen[number].add(int(factor))

    with Server(base, port=0, poll_seconds=0.05) as server, concurrent.futures.ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, number) for number in range(4)]
        try:
            for number in range(2, 5):
                put(numbered, base, number)
                eventually(lambda number=number: all(number in each for each in seen) or any(a.done() for a in asking))
        finally:
            stop.set()
        for each in asking:
            each.result()
        assert all(each == {1, 2, 3, 4} for each in seen)
        eventually(lambda: server.served == [("mine", 4)])
        with Client(server.address, model="mine") as client:
            states = {each["version"]: each["state"] for each in client.status()}
            assert states == {4: "AVAILABLE", 3: "END", 2: "END", 1: "END"}


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_and_is_tried_again(numbered, base):
    with Server(base, port=0, poll_seconds=0.05) as server, Client(server.address, model="mine") as client:
        (base / "2").mkdir()
        (base / "2/saved_model.pb").write_bytes((numbered / "2/saved_model.pb").read_bytes()[:100])
        eventually(lambda: any(each["version"] == 2 and each["state"] == "END" for each in client.status()))
        (two, one) = client.status()
        assert one["state"] == "AVAILABLE" and "saved_model.pb cannot be read" in two["error"]
        assert client.predict(["ab"])[0]["logits"] == [2, 1]
        shutil.copytree(numbered / "2", base / "2", dirs_exist_ok=True)  # somebody has gone on copying
        eventually(lambda: server.served == [("mine", 2)])
        assert client.predict(["ab"])[0]["logits"] == [4, 2]
        shutil.rmtree(base / "2")
        shutil.rmtree(base / "1")
        time.sleep(0.2)
        assert client.predict(["ab"])[0]["logits"] == [4, 2]  # nothing takes its place


def test_policies_choose_versions(numbered, base):
    for number in (2, 3):
        put(numbered, base, number)
    assert list(find_versions(base)) and find_model(base).wanted().keys() == {3}
    assert ModelSettings("mine", base, newest=2).wanted().keys() == {2, 3}
    assert ModelSettings("mine", base, newest=None).wanted().keys() == {1, 2, 3}
    assert ModelSettings("mine", base, specific=(1, 9)).wanted().keys() == {1}
    assert ModelSettings("mine", base, labels=(("stable", 1),)).wanted().keys() == {1, 3}
    assert find_model(base / "2").wanted().keys() == {2}
    assert find_versions(base / "none") == {}


def test_labels_name_versions(numbered, base):
    put(numbered, base, 2)
    with Server(base, port=0, labels=[("stable", 1), ("canary", 2)], poll_seconds=0) as server:
        for label, factor in (("stable", 1), ("canary", 2)):
            with Client(server.address, model="mine", version_label=label) as client:
                assert client.predict(["abc"])[0]["logits"] == [3 * factor, factor]
                assert [each["version"] for each in client.status()] == [factor]
        with grpc.insecure_channel(server.address) as channel:
            code, details = refused(channel, request(version_label="new"))
            assert code == CODE.INVALID_ARGUMENT and details == "Unrecognized servable version label: new"
            assert predict(channel, request(version=1)).model_spec.version.value == 1
    with pytest.raises(ServingError, match="label 'stable': .*mine has no version 7; it has"):
        Server(base, labels=[("stable", 7)])
    with pytest.raises(ServingError, match="not both"):
        Client("localhost:1", model="mine", version=1, version_label="stable")


def reload_request(*configs):
    message = model_management_pb2.ReloadConfigRequest()
    for config in configs:
        message.config.model_config_list.config.add(**config)
    return message


def test_reload_config_changes_models_labels_and_policies(numbered, base, tmp_path):
    put(numbered, base, 2)
    shutil.copytree(numbered / "3", tmp_path / "other/3")
    with Server(base, port=0, poll_seconds=0) as server, grpc.insecure_channel(server.address) as channel:
        reload = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        mine = {"name": "mine", "base_path": str(base), "model_platform": "tensorflow"}
        other = {"name": "second", "base_path": str(tmp_path / "other")}
        both = {"model_version_policy": {"all": {}}, "version_labels": {"stable": 1}}
        assert reload(reload_request({**mine, **both}, other), timeout=60).status.error_code == 0
        assert server.served == [("mine", 1), ("mine", 2), ("second", 3)]
        assert predict(channel, request(version_label="stable")).model_spec.version.value == 1
        assert predict(channel, request(name="second")).outputs["logits"].float_val[1] == 6

        for message, code, details in (
            (model_management_pb2.ReloadConfigRequest(), CODE.INVALID_ARGUMENT, "Only ModelConfigList is currently"),
            (reload_request({"name": "x"}), CODE.FAILED_PRECONDITION, "without base_path"),
            (reload_request(mine, mine), CODE.FAILED_PRECONDITION, "two models have one name"),
            (reload_request({**mine, "model_platform": "lite"}), CODE.FAILED_PRECONDITION, "platform 'lite'"),
            (reload_request({**mine, "version_labels": {"x": 9}}), CODE.FAILED_PRECONDITION, "not currently available"),
            (reload_request({**other, "base_path": "nowhere"}), CODE.FAILED_PRECONDITION, "nowhere: no version folder"),
        ):
            answered = refused(reload, message, timeout=60)
            assert answered[0] == code and details in answered[1]
            assert server.served == [("mine", 1), ("mine", 2), ("second", 3)]  # as before

        # The same number in another folder is another model.
        shutil.copytree(numbered / "1", tmp_path / "moved/3")
        reload(reload_request({**other, "base_path": str(tmp_path / "moved")}), timeout=60)
        assert predict(channel, request(name="second")).outputs["logits"].float_val[1] == 2
        reload(reload_request(other), timeout=60)
        assert server.served == [("second", 3)]
        assert refused(channel, request())[0] == CODE.NOT_FOUND


def test_a_model_config_file(numbered, base, tmp_path):
    file = tmp_path / "models.config"
    file.write_text(
        f'model_config_list {{ config {{ name: "a" base_path: "{base}" model_platform: "tensorflow"\n'
        f'  model_version_policy {{ specific {{ versions: 1 versions: 2 }} }} version_labels {{ key: "new" value: 1 }} }}\n'
        f'  config {{ name: "b" base_path: "{base}" }} }}'
    )
    first, second = read_model_config(file)
    assert first == ModelSettings("a", base, specific=(1, 2), labels=(("new", 1),))
    assert second == ModelSettings("b", base)
    with Server([first, second], port=0) as server:
        assert server.served == [("a", 1), ("b", 1)]
    for text, message in (
        ("model_config_list { confi", "not a ModelServerConfig"),
        ("", "only model_config_list"),
        ("model_config_list {}", "names no model"),
    ):
        file.write_text(text)
        with pytest.raises(ServingError, match=f"models.config: .*{message}"):
            read_model_config(file)
