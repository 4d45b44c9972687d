"""Golden answers: what the model in Python says, and whether an exported file says the same.

B texts, W rows of the network (texts, or windows of texts), S sequence.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tfbert.data import columns
from tfbert.errors import ExportError
from tfbert.export.golden_examples import array, golden_inputs, marked_inputs

FILE = "golden.json"

# The largest difference of the network's numbers that a precision may make, as a share of the largest number there.
TOLERANCES = {"float32": 1e-4, "float16": 0.01, "bfloat16": 0.05, "int8": 0.2}

_ROUNDING = 1e-5  # of an answer's numbers, which are computed in float32 from the network's
_DRAWS, _SEED = 8, 0  # random moves, for answers that are sums of several numbers
_NO_NUMBER = 1e8  # heads say -1e9 where there is nothing, such as at padding
_LEAST_FLOAT16 = -65504  # as which float16 has it


@dataclasses.dataclass
class Case:
    """Examples of one signature with the features, the network's outputs and the answers in Python."""

    inputs: dict  # {column: [B, …]}
    features: dict  # what the network reads, {name: int32 [W, …]}
    outputs: np.ndarray  # float32 [W, …]
    of_tokens: bool  # outputs are [W, S, …] or [W, others + S, …], those of padding of no account
    answers: dict  # {name: [B, …]}
    decided: dict  # {precision: {name: bool [B]}}, of names that are no floats
    allowed: dict  # {precision: {name: float}}, of floats

    @property
    def scale(self):
        """The largest number of the outputs."""
        return float(np.max(np.abs(self.outputs), where=self.there, initial=0.0)) or 1.0

    @property
    def there(self):
        """Which outputs are numbers, and not those of padding."""
        there = np.abs(self.outputs) < _NO_NUMBER
        if self.of_tokens:
            mask = self.features["padding_mask"] > 0
            before = self.outputs.shape[1] - mask.shape[1]  # rows before the tokens', see `TagTransitions`
            mask = np.pad(mask, [[0, 0], [before, 0]], constant_values=True)
            there &= mask.reshape(mask.shape + (1,) * (self.outputs.ndim - 2))
        return there

    def to_json(self):
        return {
            "inputs": {name: plain(values) for name, values in self.inputs.items()},
            "features": {name: values.tolist() for name, values in self.features.items()},
            "outputs": plain(self.outputs),
            "of_tokens": self.of_tokens,
            "answers": {name: plain(values) for name, values in self.answers.items()},
            "decided": {
                precision: {name: values.tolist() for name, values in decided.items()}
                for precision, decided in self.decided.items()
            },
            "allowed": self.allowed,
        }


def record(model, examples=None, precisions=tuple(TOLERANCES)):
    """{signature: Case} of a task model.

    Args:
        examples: columns of further rows, as `task.examples` gives them.
        precisions: those that will be checked.

    Answers are equal or not, numbers are near or not; which is asked where is computed here. Outputs are moved by the
    tolerance of a precision, any two of them apart and together; an answer that such a move changes is not decided at
    that precision, as the label of two equal logits is not, and is not compared. The change of an answer's numbers is
    what is allowed.
    """
    task = model.task
    cases = {}
    for name, signature in task.signatures.items():
        marked = name == "serving_default" and "spans" in task.signatures
        inputs = marked_inputs() if marked else golden_inputs(signature)
        if examples is not None and set(signature) == _inputs_of(task, examples):
            inputs = _joined(inputs, {column: array(examples[column], spec) for column, spec in signature.items()})
        cases[name] = _case(model, {column: tf.constant(values) for column, values in inputs.items()}, precisions)
    return cases


def _case(model, example, precisions):
    task, network = model.task, model.network
    features = task.features(example)
    outputs = model(features, training=False)
    if not tf.is_tensor(outputs):
        raise ExportError(
            f"task {task.name} has several outputs, which a SavedModel alone has: export it to a version folder"
        )
    # Retraced for no shape: all calls below are of one.
    answer = tf.function(lambda outputs: task.answer(example, features, outputs), autograph=False)
    case = Case(
        inputs={name: value.numpy() for name, value in example.items()},
        features={name: features[name].numpy() for name in network.input},
        outputs=outputs.numpy(),
        of_tokens=len(network.output.shape) > 1 and network.output.shape[1] is None,
        answers={name: value.numpy() for name, value in answer(outputs).items()},
        decided={},
        allowed={},
    )
    moves = list(_moves(case.outputs.size))
    for precision in precisions:
        moved = []
        for signs in moves:
            by = signs.reshape(case.outputs.shape) * np.float32(TOLERANCES[precision] * case.scale)
            draw = answer(np.where(np.abs(case.outputs) < _NO_NUMBER, case.outputs + by, case.outputs))
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


def _moves(size):
    """Vectors of signs, float32 [size]: of any two places one has each pair of signs."""
    number = np.arange(size)
    for bit in range(max(size - 1, 1).bit_length()):
        signs = np.float32(1) - 2 * (number >> bit & 1).astype(np.float32)
        yield from (signs, -signs)
    yield from (np.ones(size, np.float32), -np.ones(size, np.float32))
    random = np.random.default_rng(_SEED)
    yield from (random.choice(np.float32([-1, 1]), size) for _ in range(_DRAWS))


def check_outputs(what, case, precision, outputs):
    """The largest difference of a file's outputs [W, …], as a share of the largest number; ExportError if too large."""
    if outputs.shape != case.outputs.shape:
        raise ExportError(f"{what}: outputs have the shape {outputs.shape}, those of the model {case.outputs.shape}")
    difference = float(np.max(np.abs(outputs - case.outputs), where=case.there, initial=0.0)) / case.scale
    # Not `>`: a NaN is no number within anything.
    if not difference <= TOLERANCES[precision]:
        raise ExportError(
            f"{what}: its numbers differ from the model's by {difference:.2g} of the largest one, more than the "
            f"{TOLERANCES[precision]:.2g} of {precision}"
        )
    return difference


def check_answers(what, case, precision, answers):
    """Raises ExportError, naming the row, where a file's answers {name: [B, …]} are not the model's."""
    if answers.keys() != case.answers.keys():
        raise ExportError(f"{what}: returns {sorted(answers)}, the model {sorted(case.answers)}")
    everywhere = np.ones(_rows(case.answers), bool)
    for name, decided in case.decided[precision].items():
        wrong = decided & ~equal_rows(case.answers[name], answers[name])
        everywhere &= decided
        if wrong.any():
            row = int(wrong.argmax())
            inputs = {column: plain(values[row : row + 1])[0] for column, values in case.inputs.items()}
            raise ExportError(
                f"{what}: {name} of {inputs} is {plain(answers[name][row : row + 1])[0]!r}, the model's is "
                f"{plain(case.answers[name][row : row + 1])[0]!r}"
            )
    for name, allowed in case.allowed[precision].items():
        difference = largest_difference(case.answers[name], answers[name], everywhere)
        if not difference <= allowed:
            raise ExportError(
                f"{what}: {name} differs from the model's by {difference:.2g}, more than the {allowed:.2g} that "
                f"outputs within the tolerance of {precision} lead to"
            )


def equal_rows(one, other):
    """Whether rows [B, …] are equal but for what they are filled up with: bool [B]."""
    one, other = _as_wide(one, other)
    return np.all((one == other).reshape(len(one), -1), axis=1)


def largest_difference(one, other, rows):
    """Of the chosen rows (bool [B]) of two arrays of floats [B, …]; NaN where either has one.

    No difference is where both say that there is no number.
    """
    one, other = _as_wide(one, other)
    both_none = (one <= -_NO_NUMBER) & (other <= _LEAST_FLOAT16)
    return float(np.where(both_none, 0.0, np.abs(one - other))[rows].max(initial=0.0))


def _as_wide(one, other):
    if len(one) != len(other):
        raise ExportError(f"answers to {len(other)} texts where {len(one)} were asked")
    both = columns.collected([{"": one}, {"": other}], slice(None))[""]
    return both[: len(one)], both[len(one) :]


def _inputs_of(task, examples):
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


def plain(values):
    """An array as lists of JSON's own values; floats with the digits that float32 has."""
    if isinstance(values, (list, tuple)):
        return [plain(value) for value in values]
    if isinstance(values, np.ndarray):
        return plain(values.tolist())
    if isinstance(values, bytes):
        return values.decode("utf-8", "replace")
    return float(f"{values:.8g}") if isinstance(values, float) else values
