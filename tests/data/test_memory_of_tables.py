"""What reading a data file takes: a table some times the file, which is Python's texts; a stream, of the formats that have a row in
a line or a group of rows, the same for any file."""

import io
import json

import memory_growth
import pytest

pytestmark = pytest.mark.slow
TEXT = "a film to treasure, though it is an hour too long for some of us; number {} of the year"
# the most memory per byte of the file: a text of Python has 50 bytes besides its own, its place in a list 8. Measured:
# 3.0, 2.0, 15.6 (a list of each word) and 2.9.
TIMES = {"csv": 3.0, "jsonl": 2.5, "conll": 18.0, "parquet": 3.0}


def rows(count):
    return [{"text": TEXT.format(i), "label": ("good", "dull")[i % 2], "id": i} for i in range(count)]


def write(path, count):
    """A file of the format that its suffix says."""
    if path.suffix == ".csv":
        lines = [f'"{row["text"]}",{row["label"]},{row["id"]}\n' for row in rows(count)]
        path.write_text("text,label,id\n" + "".join(lines))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows(count)))
    elif path.suffix == ".conll":
        sentence = "".join(f"{word} X B-NP O\n" for word in TEXT.format(1).split())
        path.write_text("\n".join([sentence] * (count // 2)))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet")
        stream = io.BytesIO()
        table = pyarrow.Table.from_pylist(rows(count))
        pyarrow.parquet.write_table(table, stream, row_group_size=5000, use_dictionary=False, compression="none")
        path.write_bytes(stream.getvalue())
    return path


@pytest.mark.parametrize("suffix", TIMES)
def test_a_table_and_a_stream(suffix, tmp_path):
    small = write(tmp_path / f"small.{suffix}", 100)
    path = write(tmp_path / f"large.{suffix}", 250_000)
    size = path.stat().st_size
    assert 20e6 < size < 60e6
    whole = memory_growth.growth("table", small, path)
    passing = memory_growth.growth("tables", small, path)
    print(
        f"{suffix}: {size / 1e6:.0f} MB, {whole / 1e6:.0f} MB, {whole / size:.1f} times; a stream {passing / 1e6:.0f} MB"
    )
    assert whole <= TIMES[suffix] * size + 30e6
    if suffix != "conll":  # whose columns are known when all is read
        assert passing < 30e6
