"""HDF5 files whose groups are linked many ways."""

import h5py
import numpy as np
from capped import answers

from tfbert.checkpoints.tensor_files.hdf5 import HDF5File


def test_a_group_that_is_linked_many_ways_is_visited_once(tmp_path):
    """Nine links to one group, in it nine to the next, and so on: 10^17 ways, and at the end a link to the first."""
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        group = first = file.create_group("first")
        for _ in range(18):
            inner = group.create_group("0")
            for number in range(1, 9):
                group[str(number)] = inner
            group = inner
        group["bias"] = np.ones(2, "f4")
        group["first"] = first
        group["same"] = group["bias"]
    assert answers("tfbert.checkpoints.tensor_files.hdf5:HDF5File", [path], seconds=20) == ["read"]
    opened = HDF5File(path)
    inside = "first/" + "0/" * 18
    assert opened.shapes == {f"{inside}bias": (2,), f"{inside}same": (2,)}
    np.testing.assert_array_equal(opened.read(f"{inside}same"), [1, 1])
