"""The hashes of the data of a run, which a resumed run must find again."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfbert.errors import ConfigError
from tfbert.files import read_json_object, replace_json
from tfbert.runs.folder import last_step

if TYPE_CHECKING:
    from tfbert.data.batching.batches import Batches
    from tfbert.data.pretraining.shards import Shards
    from tfbert.tasks.task import Task
    from tfbert.text import Tokenizer

FILE = "data.json"


def of_examples(source: str, batches: Batches) -> dict[str, Any]:
    """Of the rows that are used, in their order: where they are from, how many there are, and a hash of all columns."""
    digest = hashlib.sha256()
    for name, values in sorted(batches.examples.items()):
        digest.update(f"{name}\n".encode())
        for value in values:
            digest.update(json.dumps(value, sort_keys=True, default=_plain).encode() + b"\n")
    return {"source": source, "rows": len(batches), "sha256": digest.hexdigest()}


def of_shards(source: str, shards: Shards) -> dict[str, Any]:
    """As `of_examples`, of the shards' hashes in their manifest; that the shards fit it is checked elsewhere."""
    files = [(pathlib.PurePath(shard.path).name, shard.rows, shard.bytes, shard.sha256) for shard in shards.shards]
    return {"source": source, "rows": shards.rows, "sha256": _hash([files, shards.manifest])}


def of_task(source: str, task: Task) -> dict[str, dict[str, Any]]:
    """Hashes of the settings and labels of a task, and of its tokenizer, which the checkpoint `source` has."""
    return {
        "task": {"source": "the labels and settings of the task", "sha256": _hash(task.settings())},
        "tokenizer": of_tokenizer(source, task.tokenizer),
    }


def of_tokenizer(source: str, tokenizer: Tokenizer) -> dict[str, Any]:
    """A hash of all that decides a text's ids.

    >>> of_tokenizer("mine", tokenizer)["source"]
    'the tokenizer of mine'
    """
    return {"source": f"the tokenizer of {source}", "sha256": _hash(tokenizer.get_config())}


def check_data(folder: pathlib.Path, found: Mapping[str, dict[str, Any]], *, allow_changed: bool) -> None:
    """Writes data.json into a new run folder; of a run that is resumed, compares the data with it.

    Args:
        found: "train", "dev", … and what the functions above say of it.
        allow_changed: whether other data are taken. data.json then keeps the hashes of before, and the step from which
            the run continues, in its list "changes".

    Raises:
        ConfigError: the data are others than those that the run began with; names them.
    """
    path = folder / FILE
    if not path.exists():  # a new run, or one of an earlier version
        replace_json(path, found)
        return
    known = read_json_object(path, ConfigError)
    changes = known.pop("changes", [])
    _check_known(path, known, changes)
    before = {name: known.get(name) for name in {**known, **found} if _differ(known.get(name), found.get(name))}
    if not before:
        return
    # Labels and settings may follow from the rows: whoever puts the rows back has put them back, too.
    named = [name for name in before if name != "task"] or list(before)
    listed = "; ".join(_said(known.get(name), found.get(name)) for name in named)
    if not allow_changed:
        raise ConfigError(
            f"the run in {folder} began with other data: {listed}. Put them back, name another --out, or continue with "
            "the data as they are now: --config.allow_changed_data=True (in Python, allow_changed_data=True of the "
            f"config), which {FILE} records"
        )
    logging.warning("%s continues with other data than it began with: %s", folder, listed)
    changes.append({"after_step": last_step(folder), "before": before})
    replace_json(path, {**found, "changes": changes}, ensure_ascii=True)  # "changes" may hold what is no Unicode


def _check_known(path, known, changes):
    """Raises ConfigError of a damaged file."""
    said = all(isinstance(each, dict) and isinstance(each.get("source"), str) for each in known.values())
    if not said or not isinstance(changes, list):
        raise ConfigError(f"{path} is damaged: it says no more what the run was begun with; name another --out")


def _differ(one, other):
    return (one or {}).get("sha256") != (other or {}).get("sha256")


def _said(before, now):
    """What is changed, such as "train.tsv (60 rows, 61 now)"."""
    if before is None or now is None:
        return f"{(before or now)['source']} is {'new' if before is None else 'gone'}"
    were, are = before.get("rows"), now.get("rows")
    rows = f" ({were} rows, {are} now)" if were != are else ""
    return f"{now['source']} has changed{rows}"


def _hash(values):
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value):
    return value.tolist() if hasattr(value, "tolist") else str(value)
