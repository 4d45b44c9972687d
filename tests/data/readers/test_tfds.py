import numpy as np
import pytest

from tfbert.data.reading import read
from tfbert.errors import DataError

tfds = pytest.importorskip("tensorflow_datasets")

ROWS = 1_500  # more than one batch of the reader
LABELS = ["negative", "positive"]


class TinyReviews(tfds.core.GeneratorBasedBuilder):
    """Texts, labels, and the nested features that question answering and tagging data sets have."""

    VERSION = tfds.core.Version("1.2.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="plain"), tfds.core.BuilderConfig(name="other")]

    def _info(self):
        label = tfds.features.ClassLabel(names=LABELS)
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": label,
                    "stars": np.float32,
                    "tags": tfds.features.Sequence(label),
                    "group": tfds.features.ClassLabel(num_classes=3),
                    "answers": tfds.features.Sequence({"text": tfds.features.Text(), "start": np.int32}),
                    "nested": {"tokens": tfds.features.Sequence(tfds.features.Text()), "label": label},
                }
            ),
        )

    def _split_generators(self, dl_manager):
        if self.builder_config.name == "other":
            raise ConnectionError("no network\nand more")
        return {"train": self._generate(ROWS), "test": self._generate(3)}

    def _generate_examples(self):
        raise NotImplementedError

    def _generate(self, rows):
        for i in range(rows):
            yield (
                i,
                {
                    "text": f"téxt {i}",
                    "label": -1 if i % 3 == 2 else i % 3,
                    "stars": i / 2,
                    "tags": [i % 2] * (i % 3),
                    "group": i % 3,
                    "answers": {"text": [f"ä{i}"] * (i % 2), "start": [i] * (i % 2)},
                    "nested": {"tokens": ["a", "b"][: i % 3], "label": i % 2},
                },
            )


class DamagedReviews(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"text": tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {"text": b"caf\xe9"}


class WrongLabels(tfds.core.GeneratorBasedBuilder):
    """Class labels that no class has, alone and in a sequence; the builder itself would refuse them."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="alone"), tfds.core.BuilderConfig(name="several")]

    def _info(self):
        label = tfds.features.ClassLabel(names=LABELS)
        label = label if self.builder_config.name == "alone" else tfds.features.Sequence(label)
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"label": label}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tfds.features.ClassLabel, "encode_example", lambda self, label: label)
            for i, label in enumerate([0, -1, 2]):
                yield i, {"label": label if self.builder_config.name == "alone" else [0, label]}


@pytest.fixture(scope="module", autouse=True)
def tfds_folder(tmp_path_factory):
    """TFDS's own data folder, which it takes from the environment at its import, for these tests."""
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds.core.constants, "DATA_DIR", str(folder))
        patch.setattr(tfds.core.DatasetInfo, "initialize_from_bucket", lambda self: None)  # no network
        yield folder


@pytest.fixture(scope="module")
def train(tfds_folder):
    return read("tfds:tiny_reviews/plain")


def test_rows_of_the_default_split(train, tfds_folder):
    assert (tfds_folder / "tiny_reviews/plain/1.2.0").is_dir()
    assert len(train) == ROWS
    assert train.source == "tfds:tiny_reviews/plain:train"
    assert train.line_numbers is None
    assert list(train.columns) == ["answers", "group", "label", "nested", "stars", "tags", "text"]
    assert train.row_name(16) == "tfds:tiny_reviews/plain:train, row 16"
    assert sorted(train.text_column("text")) == sorted(f"téxt {i}" for i in range(ROWS))


def test_every_feature_becomes_python_values(train):
    rows = {row["text"]: row for row in train}
    for i in range(ROWS):
        assert rows[f"téxt {i}"] == {
            "text": f"téxt {i}",
            "label": [*LABELS, None][i % 3],
            "stars": i / 2,
            "tags": [LABELS[i % 2]] * (i % 3),
            "group": str(i % 3),
            "answers": {"text": [f"ä{i}"] * (i % 2), "start": [i] * (i % 2)},
            "nested": {"tokens": ["a", "b"][: i % 3], "label": LABELS[i % 2]},
        }


def test_unlabelled_rows_have_no_text_as_label(train):
    with pytest.raises(DataError, match=r"tfds:tiny_reviews/plain:train, row \d+: column 'label' holds null"):
        train.text_column("label")


@pytest.mark.parametrize(
    "split, rows", [("test", 3), ("train[:10%]", 150), ("train[5:25]+test", 23), ("all", ROWS + 3)]
)
def test_splits(train, split, rows):
    table = read(f"tfds:tiny_reviews/plain:{split}", required=["text"])
    assert len(table) == rows and table.source.endswith(f":{split}")


def test_version(train):
    assert len(read("tfds:tiny_reviews/plain:1.2.0:test")) == 3
    assert len(read("tfds:tiny_reviews/plain:1.*.*:test")) == 3


def test_twice_the_same_order(train):
    assert read("tfds:tiny_reviews/plain").column("text") == train.column("text")


@pytest.mark.parametrize(
    "source, message",
    [
        (
            "tfds:tiny_reviews/plain:dev",
            "^tfds:tiny_reviews/plain:dev: .*; the splits are (train, test|test, train)$",
        ),
        ("tfds:tiny_reviews/plain:train[:x]", r"^tfds:tiny_reviews/plain:train\[:x\]: .*; the splits are"),
        ("tfds:tiny_reviews/plain:test[3:]", r"^tfds:tiny_reviews/plain:test\[3:\]: "),
        ("tfds:tiny_reviews/nope", "^tfds:tiny_reviews/nope: .*nope not found"),
        ("tfds:tiny_reviews/plain:9.0.0:test", "9.0.0"),
        ("tfds:tiny_revews", "^tfds:tiny_revews: tensorflow_datasets knows no data set 'tiny_revews'$"),
        ("tfds:", "not of the form tfds:NAME"),
        *(
            (
                f"tfds:wrong_labels/{name}",
                f"^tfds:wrong_labels/{name}:train, rows 0 to 1023: column 'label' holds the class label 2, which is "
                "none of its 2 classes from 0 on$",
            )
            for name in ("alone", "several")
        ),
        (
            "tfds:damaged_reviews",
            "^tfds:damaged_reviews:train, rows 0 to 1023: column 'text' holds bytes that",
        ),
    ],
)
def test_errors(train, source, message):
    with pytest.raises(DataError, match=message):
        read(source)


def test_not_prepared_and_not_to_be_downloaded(tfds_folder):
    with pytest.raises(DataError) as error:
        read("tfds:tiny_reviews/other:test")
    folder = tfds_folder / "tiny_reviews/other/1.2.0"
    assert str(error.value) == (
        f"tfds:tiny_reviews/other:test: the data set 'tiny_reviews/other' is not prepared in {folder} and "
        "could not be downloaded: ConnectionError: no network and more"
    )


def test_missing_column(train):
    with pytest.raises(DataError) as error:
        train.column("txt")
    assert "did you mean 'text'?" in str(error.value) and "header" not in str(error.value)
