"""Two layers, whose weights a file format may mix up."""

import pytest
import tiny


@pytest.fixture(scope="session")
def tiny_config():
    return tiny.config(layers=2)


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_config, tmp_path_factory):
    return tiny.write_checkpoint(tmp_path_factory.mktemp("tiny"), tiny_config)
