"""TF Serving's own files in export/serving: they parse, name each other, and `tfbert serve` reads what it shares."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from served import REPOSITORY
from tensorflow_serving.config import model_server_config_pb2

from tfbert.export.saved_model.file_names import BATCHING
from tfbert.serving.host.rest import METRICS_PATH
from tfbert.serving.models.batching_parameters import BatchingParameters, read_parameters
from tfbert.serving.models.versions import ModelSettings, read_model_config

FOLDER = REPOSITORY / "export/serving"
KUBERNETES = FOLDER / "kubernetes"


def documents(*files):
    return [each for file in files for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def flags(arguments):
    return dict(argument.removeprefix("--").split("=", 1) for argument in arguments)


@pytest.fixture(scope="module")
def compose():
    return documents(FOLDER / "docker-compose.yaml")[0]


@pytest.fixture(scope="module")
def cluster():
    """(kind, name) -> manifest."""
    listed = documents(KUBERNETES / "kustomization.yaml")[0]["resources"]
    assert sorted(listed) == sorted(path.name for path in KUBERNETES.glob("*.yaml") if path.stem != "kustomization")
    return {
        (each["kind"], each["metadata"]["name"]): each for each in documents(*(KUBERNETES / name for name in listed))
    }


def test_the_model_config_is_tf_servings_and_ours():
    message = text_format.Parse(
        (FOLDER / "models.config").read_text(encoding="utf-8"), model_server_config_pb2.ModelServerConfig()
    )
    assert message.model_config_list.config[0].model_platform == "tensorflow"
    shop = ModelSettings("shop", pathlib.Path("/models/shop"), newest=2, labels=(("stable", 1),))
    assert read_model_config(FOLDER / "models.config") == [shop]


def test_the_batching_parameters_are_as_a_version_folder_has_them(tmp_path):
    shutil.copy(FOLDER / "batching_parameters.txt", tmp_path / BATCHING)
    otherwise = BatchingParameters(max_batch_size=1, max_enqueued_batches=1)
    assert read_parameters(tmp_path, otherwise) == BatchingParameters(64, 0, 64, 4)


def message(name, **fields):
    """A message of TF Serving's that tensorflow-serving-api leaves out: fields as (number, type) of descriptor.proto."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="serving", syntax="proto3")
    described = file.message_type.add(name=name)
    for field, (number, kind) in fields.items():
        described.field.add(name=field, number=number, type=kind, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"serving.{name}"))()


# config/monitoring_config.proto and config/ssl_config.proto of tensorflow/serving; 8 is bool, 9 string
PROMETHEUS = {"enable": (1, 8), "path": (2, 9)}
SSL = {"server_key": (1, 9), "server_cert": (2, 9), "custom_ca": (3, 9), "client_verify": (4, 8)}


def test_the_ssl_config_holds_the_files(tmp_path):
    files = [tmp_path / name for name in ("key", "certificate", "authority")]
    for file in files:
        file.write_text(f"-----BEGIN {file.name}-----\nab+/=\n-----END-----\n")
    command = [sys.executable, str(FOLDER / "write_ssl_config.py"), *map(str, files)]
    written = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    parsed = text_format.Parse(written, message("SSLConfig", **SSL))
    assert [parsed.server_key, parsed.server_cert, parsed.custom_ca] == [file.read_text() for file in files]
    assert parsed.client_verify
    assert subprocess.run(command[:3], capture_output=True, timeout=60).returncode != 0


def test_metrics_have_one_path():
    monitoring = (FOLDER / "monitoring.config").read_text(encoding="utf-8")
    inner = re.search(r"prometheus_config \{(.*)\}", monitoring, re.S)[1]
    prometheus = text_format.Parse(inner, message("PrometheusConfig", **PROMETHEUS))
    assert prometheus.enable
    paths = {
        prometheus.path,
        documents(FOLDER / "prometheus.yaml")[0]["scrape_configs"][0]["metrics_path"],
        documents(KUBERNETES / "monitoring.yaml")[0]["spec"]["podMetricsEndpoints"][0]["path"],
    }
    assert paths == {METRICS_PATH}


def test_compose_mounts_what_its_flags_name(compose):
    serving, prometheus = compose["services"]["serving"], compose["services"]["prometheus"]
    given = flags(serving["command"])
    mounted = dict(volume.rsplit(":ro", 1)[0].rsplit(":", 1)[::-1] for volume in serving["volumes"])
    for name in ("model_config_file", "batching_parameters_file", "monitoring_config_file"):
        assert (FOLDER / mounted[given[name]]).is_file()
    assert "/models" in mounted
    published = {port.rsplit(":", 1)[1] for port in serving["ports"]}
    assert published == {given["port"], given["rest_api_port"]}
    for volume in prometheus["volumes"]:
        assert (FOLDER / volume.split(":")[0]).is_file()
    scrape = documents(FOLDER / "prometheus.yaml")[0]["scrape_configs"][0]
    assert scrape["static_configs"][0]["targets"] == [f"serving:{given['rest_api_port']}"]
    assert f'job="{scrape["job_name"]}"' in (FOLDER / "alerts.yaml").read_text()
    assert all(
        rule["expr"] and rule["annotations"] for rule in documents(FOLDER / "alerts.yaml")[0]["groups"][0]["rules"]
    )


def test_the_manifests_name_each_other(compose, cluster):
    deployment = cluster["Deployment", "serving"]["spec"]
    pod = deployment["template"]
    (container,) = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    given = flags(container["args"])
    assert ports == {"grpc": int(given["port"]), "http": int(given["rest_api_port"])}
    assert container["image"] == compose["services"]["serving"]["image"]
    selectors = [deployment["selector"]["matchLabels"]]
    for (kind, _), manifest in cluster.items():
        if kind == "Service":
            selectors.append(manifest["spec"]["selector"])
            assert {port["targetPort"] for port in manifest["spec"]["ports"]} <= set(ports)
        elif kind in ("PodDisruptionBudget", "PodMonitor"):
            selectors.append(manifest["spec"]["selector"]["matchLabels"])
    assert len(selectors) == 5 and all(selector == labels for selector in selectors)
    target = cluster["HorizontalPodAutoscaler", "serving"]["spec"]["scaleTargetRef"]
    assert "replicas" not in cluster[target["kind"], target["name"]]["spec"]  # else every apply scales back to it
    # The probes ask for a model that models.config has.
    (model,) = read_model_config(FOLDER / "models.config")
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": f"/v1/models/{model.name}", "port": "http"}

    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert mounts.keys() == volumes.keys() and str(model.base_path).startswith(mounts["models"])
    (generated,) = documents(KUBERNETES / "kustomization.yaml")[0]["configMapGenerator"]
    assert volumes["config"]["configMap"]["name"] == generated["name"]
    files = [KUBERNETES / file for file in generated["files"]]
    assert all(file.is_file() for file in files)
    assert {f"{mounts['config']}/{file.name}" for file in files} == {
        value for name, value in given.items() if name.endswith("_file")
    }


def test_a_batch_takes_one_thread_and_each_cpu_a_batch(compose, cluster, tmp_path):
    serving = compose["services"]["serving"]
    (container,) = cluster["Deployment", "serving"]["spec"]["template"]["spec"]["containers"]
    variables = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": "1"}
    assert serving["environment"] == {each["name"]: each["value"] for each in container["env"]} == variables
    for given in (flags(serving["command"]), flags(container["args"])):
        assert given["tensorflow_intra_op_parallelism"] == "1"
    shutil.copy(FOLDER / "batching_parameters.txt", tmp_path / BATCHING)
    threads = read_parameters(tmp_path, BatchingParameters()).num_batch_threads
    assert container["resources"]["requests"]["cpu"] == str(threads)
    assert flags(container["args"])["tensorflow_inter_op_parallelism"] == str(threads)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl puts the manifests together")
def test_kubectl_puts_the_manifests_together():
    command = ["kubectl", "kustomize", "--load-restrictor=LoadRestrictionsNone", str(KUBERNETES)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    kinds = [each["kind"] for each in yaml.safe_load_all(output)]
    assert sorted(kinds) == [
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "PodMonitor", "Service", "Service"
    ]  # fmt: skip
