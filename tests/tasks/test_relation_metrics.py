"""The metrics of relation extraction against the official scorer of SemEval-2010 Task 8 and its definition."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from tfbert import data
from tfbert.tasks.relation_extraction.metrics import metrics, relation_and_direction
from tfbert.tasks.relation_extraction.relations import numbers_of_unknown


def restated(labels, truth, predicted):
    """The official scorer's (9+1)-way scores, as its description has them."""
    scores, correct, answered, asked = [], 0, 0, 0
    names = [[labels[i] for i in numbers] for numbers in (truth, predicted)]
    for relation in sorted({relation_and_direction(name)[0] for name in names[0]} - {"Other"}):
        pairs = [(t, p) for t, p in zip(*names, strict=True) if relation in (t.split("(")[0], p.split("(")[0])]
        right = sum(t == p for t, p in pairs)
        proposed = sum(p.split("(")[0] == relation for _, p in pairs)
        actual = sum(t.split("(")[0] == relation for t, _ in pairs)
        precision, recall = right / proposed if proposed else 0, right / actual
        scores.append(2 * precision * recall / (precision + recall) if right else 0)
        correct, answered, asked = correct + right, answered + proposed, asked + actual
    return np.mean(scores), 2 * correct / (answered + asked)


@pytest.fixture
def answers_of_a_test(data_dir):
    """The truth of the test file and answers that are often wrong, in the relation or in the direction."""
    labels = data.read(data_dir("re/semeval2010_task8/TEST_FILE_FULL.TXT.gz"), format="semeval").column("label")
    names = sorted(set(labels) | {"Entity-Destination(e2,e1)"})
    truth, random = np.array([names.index(label) for label in labels]), np.random.default_rng(0)
    return names, truth, np.where(random.random(len(truth)) < 0.6, truth, random.integers(0, len(names), len(truth)))


def test_scores_are_the_official_ones_by_definition(answers_of_a_test):
    values = metrics(*answers_of_a_test)
    names, truth, predicted = answers_of_a_test
    assert (values["macro_f1"], values["micro_f1"]) == pytest.approx(restated(*answers_of_a_test))
    assert values["accuracy"] == (truth == predicted).mean()
    assert list(values) == ["macro_f1", "micro_f1", "accuracy"]


def test_scores_are_the_official_scorers(answers_of_a_test, data_dir, tmp_path):
    scorer = data_dir("re/semeval2010_task8/semeval2010_task8_scorer-v1.2.pl")
    if not shutil.which("perl"):
        pytest.skip("needs perl")
    names, *numbers = answers_of_a_test
    paths = [tmp_path / "truth.txt", tmp_path / "predicted.txt"]
    for path, values in zip(paths, numbers, strict=True):
        path.write_text("".join(f"{i}\t{names[value]}\n" for i, value in enumerate(values)))
    command = ["perl", scorer, paths[1], paths[0]]
    official = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("OFFICIAL")[2]
    micro, macro = (float(value) for value in re.findall(r"excluding Other\):\n.*F1 = +([\d.]+)%", official))
    values = metrics(*answers_of_a_test)
    assert (values["macro_f1"], values["micro_f1"]) == pytest.approx((macro / 100, micro / 100), abs=5.1e-5)


def test_a_label_that_training_never_had_is_scored_as_the_official_scorer_does(answers_of_a_test):
    """The model cannot answer it, and its relation has one right answer more."""
    names, truth, predicted = answers_of_a_test
    unknown = names.index("Entity-Destination(e2,e1)")
    truth, predicted = truth.copy(), np.where(predicted == unknown, 0, predicted)
    truth[:3] = unknown
    labels = [name for name in names if name != names[unknown]]
    numbers = {names.index(name): i for i, name in enumerate(labels)}
    numbers[unknown] = numbers_of_unknown(labels, [names[unknown]])[0]
    known = metrics(labels, [numbers[i] for i in truth.tolist()], [numbers[i] for i in predicted.tolist()])
    assert known == metrics(names, truth, predicted)
    assert (known["macro_f1"], known["micro_f1"]) == pytest.approx(restated(names, truth, predicted))
    labels = ("no_relation", "born_in")  # of a relation that is wholly unknown
    values = metrics(labels, [1, 1, *numbers_of_unknown(labels, ["died_in", "Other"])], [1, 1, 1, 0])
    assert values == {"macro_f1": pytest.approx(0.4), "micro_f1": pytest.approx(4 / 6), "accuracy": 0.5}


def test_scores_without_directions():
    labels = ("no_relation", "born_in", "works_for")
    values = metrics(labels, [0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 0, 2])
    assert values["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert values["micro_f1"] == pytest.approx(2 * 3 / (4 + 4))
    assert np.isnan(metrics(labels, [0, 0], [0, 1])["macro_f1"])
