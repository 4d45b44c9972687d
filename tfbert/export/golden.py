"""Golden answers: what the model in Python says, and whether an exported file says the same.

B texts, W rows of the network (texts, or windows of texts), S sequence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfbert.data import columns
from tfbert.encoders.layers.masking import is_masked
from tfbert.errors import ExportError
from tfbert.export import golden_answers
from tfbert.export.golden_answers import equal_rows, largest_difference, plain
from tfbert.tasks.golden_texts import array

if TYPE_CHECKING:
    from tfbert.models.task_model import TaskModel
    from tfbert.tasks.task import Task

# The largest difference of the network's numbers that a precision may make, as a share of the largest number there.
TOLERANCES = {"float32": 1e-4, "float16": 0.01, "bfloat16": 0.05, "int8": 0.2}

_ROUNDING = 1e-5  # of an answer's numbers, which are computed in float32 from the network's
_DRAWS, _SEED = 8, 0  # random moves, for answers that are sums of several numbers


@dataclasses.dataclass
class Case:
    """Examples of one signature with the features, the network's outputs and the answers in Python."""

    inputs: dict[str, np.ndarray]  # {column: [B, …]}
    features: dict[str, np.ndarray]  # what the network reads, {name: int32 [W, …]}
    outputs: dict[str, np.ndarray]  # {output: float32}
    axes: dict[str, str]  # of the outputs
    answers: dict[str, np.ndarray]  # {name: [B, …]}
    decided: dict[str, dict[str, np.ndarray]]  # {precision: {name: bool [B]}}, for answers that are no floats
    allowed: dict[str, dict[str, float]]  # {precision: {name: float}}, for answers that are floats

    def scale(self, output: str) -> float:
        """The largest number of an output."""
        return float(np.max(np.abs(self.outputs[output]), where=self.there(output), initial=0.0)) or 1.0

    def there(self, output: str) -> np.ndarray:
        """Which numbers of an output count: none of padding, and none that says that there is nothing."""
        there, axes = ~is_masked(self.outputs[output]), self.axes[output].split()
        if axes[:2] == ["W", "S"]:
            mask = self.features["padding_mask"] > 0
            there &= mask.reshape(mask.shape + (1,) * (len(axes) - 2))
        return there

    def to_json(self) -> dict[str, Any]:
        """As golden.json has it; of a task with one output `outputs` and `of_tokens` are that output's alone."""
        outputs: Any = {name: plain(values) for name, values in self.outputs.items()}
        of_tokens: Any = {name: "S" in axes.split() for name, axes in self.axes.items()}
        if len(outputs) == 1:
            (outputs,), (of_tokens,) = outputs.values(), of_tokens.values()
        return {
            "inputs": {name: plain(values) for name, values in self.inputs.items()},
            "features": {name: values.tolist() for name, values in self.features.items()},
            "outputs": outputs,
            "of_tokens": of_tokens,
            "axes": self.axes,
            "answers": {name: plain(values) for name, values in self.answers.items()},
            "decided": {
                precision: {name: values.tolist() for name, values in decided.items()}
                for precision, decided in self.decided.items()
            },
            "allowed": self.allowed,
        }


def record(
    model: TaskModel, examples: Mapping[str, Any] | None = None, precisions: Collection[str] = tuple(TOLERANCES)
) -> dict[str, Case]:
    """{signature: Case} of a task model.

    Args:
        examples: columns of more rows, as `task.examples` gives them.
        precisions: those that will be checked.

    It also computes how exactly each answer can be compared. The outputs are moved by the tolerance of a precision, any
    two of them in the same direction and in opposite ones. An answer that such a move changes (as the label of two
    nearly equal logits) is undecided at that precision and not compared. The largest change of an answer's numbers is
    the allowed difference.
    """
    task = model.task
    cases = {}
    for name, signature in task.signatures.items():
        inputs = task.golden_inputs(name)
        if examples is not None and set(signature) == _inputs_of(task, examples):
            inputs = _joined(inputs, {column: array(examples[column], spec) for column, spec in signature.items()})
        cases[name] = case_of(model, {column: tf.constant(values) for column, values in inputs.items()}, precisions)
    return cases


def case_of(model: TaskModel, example: dict[str, tf.Tensor], precisions: Collection[str]) -> Case:
    """The case of examples: columns [B] as tensors.

    >>> case_of(model, {"text": tf.constant(["where is my order"])}, ["int8"]).axes
    {'logits': 'W C'}
    """
    task = model.task
    features = task.features(example)
    named = task.named(model(features, training=False))
    # Retraced for no shape: all calls below are of one.
    answer = tf.function(lambda named: task.answer(example, features, task.as_head(named)), autograph=False)
    case = Case(
        inputs={name: value.numpy() for name, value in example.items()},
        features={name: features[name].numpy() for name in task.inputs(model.encoder)},
        outputs={name: value.numpy() for name, value in named.items()},
        axes=dict(task.outputs),
        answers={name: value.numpy() for name, value in answer(named).items()},
        decided={},
        allowed={},
    )
    moves = list(_moves(case.outputs))
    for precision in precisions:
        moved = []
        for signs in moves:
            draw = answer({name: _moved(case, name, signs[name], TOLERANCES[precision]) for name in case.outputs})
            moved.append({name: value.numpy() for name, value in draw.items()})
        case.decided[precision] = decided = {
            name: np.all([equal_rows(value, draw[name]) for draw in moved], axis=0)
            for name, value in case.answers.items()
            if value.dtype.kind != "f"
        }
        everywhere = np.all([np.ones(_rows(case.answers), bool), *decided.values()], axis=0)
        case.allowed[precision] = {
            name: _ROUNDING + max(largest_difference(value, draw[name], everywhere) for draw in moved)
            for name, value in case.answers.items()
            if value.dtype.kind == "f"
        }
    return case


def _moved(case: Case, output: str, signs: np.ndarray, tolerance: float) -> np.ndarray:
    """An output whose every number is moved by the tolerance, but for those that say that there is nothing."""
    values = case.outputs[output]
    return np.where(is_masked(values), values, values + signs * np.float32(tolerance * case.scale(output)))


def _moves(outputs: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """Signs for all numbers of the outputs, {output: float32}: of any two places one move has each pair of signs."""
    size = sum(values.size for values in outputs.values())
    for signs in _signs(size):
        parts = np.split(signs, np.cumsum([values.size for values in outputs.values()])[:-1])
        yield {name: part.reshape(outputs[name].shape) for name, part in zip(outputs, parts, strict=True)}


def _signs(size: int) -> Iterator[np.ndarray]:
    number = np.arange(size)
    for bit in range(max(size - 1, 1).bit_length()):
        signs = np.float32(1) - 2 * (number >> bit & 1).astype(np.float32)
        yield from (signs, -signs)
    yield from (np.ones(size, np.float32), -np.ones(size, np.float32))
    random = np.random.default_rng(_SEED)
    yield from (random.choice(np.float32([-1, 1]), size) for _ in range(_DRAWS))


def check_outputs(what: str, case: Case, precision: str, outputs: dict[str, np.ndarray]) -> float:
    """The largest difference of a file's outputs, as a share of the largest number; ExportError if too large."""
    if outputs.keys() != case.outputs.keys():
        raise ExportError(f"{what}: its outputs are {sorted(outputs)}, those of the model {sorted(case.outputs)}")
    largest = 0.0
    for name, wanted in case.outputs.items():
        if outputs[name].shape != wanted.shape:
            raise ExportError(f"{what}: {name} has the shape {outputs[name].shape}, the model's has {wanted.shape}")
        moved: Any = np.max(np.abs(outputs[name] - wanted), where=case.there(name), initial=0.0)
        difference = float(moved) / case.scale(name)
        # Not `>`: a NaN is no number within anything.
        if not difference <= TOLERANCES[precision]:
            raise ExportError(
                f"{what}: its numbers differ from the model's by {difference:.2g} of the largest one, more than the "
                f"{TOLERANCES[precision]:.2g} of {precision}"
            )
        largest = max(largest, difference)
    return largest


def check_answers(what: str, case: Case, precision: str, answers: dict[str, np.ndarray]) -> None:
    """Raises ExportError, naming the row, where a file's answers {name: [B, …]} are not the model's."""
    decided, allowed = case.decided[precision], case.allowed[precision]
    golden_answers.check_answers(what, case.inputs, case.answers, decided, allowed, answers)


def _inputs_of(task: Task, examples: Mapping[str, Any]) -> set[str]:
    """The columns of examples that a signature takes, of the one that takes most of them."""
    fitting = [set(signature) for signature in task.signatures.values() if set(signature) <= examples.keys()]
    return max(fitting, key=len, default=set())


def _joined(one, other):
    rows = sum(len(next(iter(columns_.values()))) for columns_ in (one, other))
    fill = {name: values.dtype for name, values in one.items()}
    joined = columns.collected([one, other], np.arange(rows))
    return {name: values.astype(fill[name]) for name, values in joined.items()}


def _rows(answers):
    return len(next(iter(answers.values())))
