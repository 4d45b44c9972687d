"""What a sentence-transformers folder says besides the encoder: modules.json, 1_Pooling, sentence_bert_config.json.

Source: sentence-transformers, SentenceTransformer.py and models/{Transformer,Pooling,Normalize}.py.
"""

import json
import pathlib

from tfbert.config import read_json_object
from tfbert.errors import CheckpointError

FILES = ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json")
_POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
_MODULES = ("Transformer", "Pooling", "Normalize")


def read(folder, positions, given=()):
    """The settings pooling, normalize and max_length (at most `positions`) of a folder; {} where it is another's.

    With `pooling` among the `given` settings, what the folder says of it is not looked at.

    Raises:
        CheckpointError: the folder has modules or a pooling that tfbert does not have.
    """
    folder = pathlib.Path(folder)
    settings = {}
    if (folder / FILES[0]).exists():
        try:
            modules = json.loads((folder / FILES[0]).read_text(encoding="utf-8"))
            kinds = [module["type"].rpartition(".")[2] for module in modules]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder / FILES[0]} is no list of modules: {error!r}") from None
        foreign = [kind for kind in kinds if kind not in _MODULES]
        if foreign and "pooling" not in given:
            raise CheckpointError(
                f"{folder / FILES[0]} names the module {foreign[0]}, which tfbert does not have; give pooling=, and "
                f"normalize=, to take the encoder without the other modules"
            )
        settings["normalize"] = "Normalize" in kinds
    if (folder / FILES[1]).exists() and "pooling" not in given:
        modes = [
            name
            for name, chosen in read_json_object(folder / FILES[1]).items()
            if name.startswith("pooling_mode_") and chosen
        ]
        if len(modes) != 1 or modes[0] not in _POOLINGS:
            raise CheckpointError(
                f"{folder / FILES[1]} asks for {' and '.join(modes) or 'no pooling_mode'}, and tfbert has one of "
                f"{', '.join(_POOLINGS)}; give pooling= to choose"
            )
        settings["pooling"] = _POOLINGS[modes[0]]
    if (folder / FILES[2]).exists():
        length = read_json_object(folder / FILES[2]).get("max_seq_length")
        if length:
            settings["max_length"] = min(length, positions)
    return settings


def write(folder, task, hidden_size):
    """Writes the files of a `SentenceEmbedding` into an existing folder, so that sentence-transformers opens it.

    It has no module for `dimensions`; there its users give `truncate_dim`.
    """
    folder = pathlib.Path(folder)
    paths = ["", "1_Pooling", "2_Normalize"][: 3 if task.normalize else 2]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{_MODULES[i]}"}
        for i, path in enumerate(paths)
    ]
    pooling = {
        "word_embedding_dimension": hidden_size,
        **{name: pooling == task.pooling for name, pooling in _POOLINGS.items()},
    }
    # The tokenizer lower-cases by itself; this would do it a second time.
    transformer = {"max_seq_length": task.max_length, "do_lower_case": False}
    for path in paths[1:]:
        (folder / path).mkdir()
    for name, values in zip(FILES, (modules, pooling, transformer), strict=True):
        (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
