"""What a CrossEncoder of sentence-transformers says of a text classification.

Source: sentence-transformers, cross_encoder/model.py: `get_default_activation_fn` and `predict`.
"""

from __future__ import annotations

from typing import Any

from tfbert.checkpoints import Source
from tfbert.checkpoints.formats import sentence_modules, sentence_transformers
from tfbert.errors import CheckpointError

_SIGMOID, _LINEAR = "torch.nn.modules.activation.Sigmoid", "torch.nn.modules.linear.Identity"


def settings(source: Source, activation: str, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of its `Classification`: pairs, max_length, and what its activation means.

    Args:
        activation: PyTorch's class; "" where the folder does not say: Sigmoid for one logit.

    Raises CheckpointError: a default prompt, modules or an activation that tfbert does not have.
    """
    folder = source.modules or source.folder
    prompt = sentence_modules.prompts_of(folder).get("prompt")
    if prompt:
        raise CheckpointError(
            f"{folder}: the default prompt {prompt!r} is put before the first text of a pair, which a TextClassifier "
            "does not do; remove default_prompt_name, and put the prompt there yourself"
        )
    found: dict[str, Any] = {"pairs": True, "max_length": sentence_transformers.longest(source)}
    if given.get("labels") is not None or given.get("problem") is not None:
        return found  # another head, or another use of it
    count = source.shapes.get("classifier/bias", (0,))[0]
    if not count:
        raise CheckpointError(f"{folder}: a CrossEncoder without a classifier, whose scores come of other modules")
    kinds = {_SIGMOID: "sigmoid", _LINEAR: "linear", "": "sigmoid" if count == 1 else "linear"}
    if count == 1:
        if activation not in kinds:
            raise CheckpointError(
                f"{folder}: the CrossEncoder has the activation {activation}; tfbert has {_SIGMOID} and {_LINEAR}"
            )
        return {**found, "problem": "regression", "activation": kinds[activation]}
    if kinds.get(activation) == "sigmoid" and not source.values.get("problem_type"):
        return {**found, "problem": "multi_label"}
    return found
