"""How a task model is loaded from a checkpoint and saved."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import keras
from absl import logging

from tfbert import checkpoints, hooks
from tfbert.checkpoints.formats import hugging_face
from tfbert.encoders import families
from tfbert.encoders.layers.initializers import left_at_zero
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import ConfigError, DiskError, VocabularyError
from tfbert.files import replace_folder
from tfbert.models import label_order
from tfbert.tasks.registry import saved_as, saved_in
from tfbert.tasks.task import check_settings
from tfbert.text import AddedToken, Tokenizer

if TYPE_CHECKING:
    from tfbert.tasks.task import Task


class Saving:
    """Mixin before `keras.Model`: loads checkpoints, writes Hugging Face folders, SavedModels and Keras files."""

    task_class = None

    @classmethod
    def from_checkpoint(
        cls,
        name: str | os.PathLike[str],
        *,
        dtype: Any = None,
        unused_embeddings: bool = False,
        added_tokens: Iterable[AddedToken | str] = (),
        **settings: Any,
    ) -> Self:
        """The model of a checkpoint: a folder of any format that `tfbert.checkpoints` reads, or a hub id.

        A folder that tfbert saved also holds the task's settings; `settings` replace some of them. `load_report.found`
        describes the checkpoint. `load_report.missing` names the variables that the task reads and the checkpoint
        lacks: they start from random numbers.

        Args:
            dtype: of the computation, such as "mixed_bfloat16".
            unused_embeddings: accept a token embedding that has more rows than the vocabulary has tokens, because it is
                padded on purpose. A folder saved from such a model records this, and needs no argument.
            added_tokens: tokens that texts spell out and that stay whole; see `Tokenizer.with_added_tokens`. Those that
                the vocabulary lacks get rows in the token embedding.

        Raises:
            CheckpointError, ConfigError, VocabularyError: something does not fit; the error names it.
        """
        source = checkpoints.open_checkpoint(name)
        saved, tokenizer = saved_in(source.values, source.folder), source.tokenizer()
        _check_vocabulary(source, tokenizer, is_padded=unused_embeddings or saved.get("unused_embeddings"))
        if saved.get("task") == cls.task_class.name:
            settings = cls.settings_of_saved(saved["settings"], settings)
        else:
            settings = {**cls.settings_of_checkpoint(source, settings), **settings}
        check_settings(cls.task_class, settings)
        limit = source.config.max_tokens
        if settings.setdefault("max_length", min(cls.task_class.max_length, limit)) > limit:
            raise ConfigError(f"max_length {settings['max_length']} is more than the {limit} tokens of {name}")
        task = cls.task_of_checkpoint(source, tokenizer.with_added_tokens(added_tokens), settings)
        _add_rows(source, tokenizer, task)
        with left_at_zero():  # all but the pooler and the heads, which the checkpoint may lack
            encoder = families.encoder_of(source.config, dtype=dtype, name="encoder")
            encoder.build()
            model = cls(task, encoder, dtype=dtype)  # type: ignore[call-arg]
        report = checkpoints.load_encoder(model.encoder, source)
        reads_pooler = task.reads_pooler or (task.reads_token_vectors and encoder.pools_tokens)
        encoder.has_trained_pooler = reads_pooler or not report.missing
        loaded, missing = list(report.loaded), list(report.missing if reads_pooler else ())
        report, notes = _load_heads(model, source)
        model.load_report = checkpoints.LoadReport(
            (*loaded, *report.loaded), (*missing, *report.missing), str(source), notes
        )
        model.read_further_files(source.folder)
        return model

    @classmethod
    def settings_of_saved(cls, saved: Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """The settings that a folder of the same task says, with the `given` ones instead of them."""
        return {**saved, **given}

    @classmethod
    def settings_of_checkpoint(cls, source: Any, given: Any) -> dict[str, Any]:
        """The task's settings in an opened checkpoint that tfbert did not save, besides the `given` ones."""
        return {}

    @classmethod
    def task_of_checkpoint(cls, source: Any, tokenizer: Any, settings: Any) -> Task:
        """The task of an opened checkpoint; a subclass may read labels from it."""
        return cls.task_class.from_settings(settings, tokenizer)

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Writes a Hugging Face folder that `transformers` opens, or Keras' own file if the path ends in .keras."""
        if str(filepath).endswith(".keras"):
            return super().save(filepath, overwrite=overwrite, **kwargs)  # type: ignore[misc]
        if not overwrite and pathlib.Path(filepath).exists():
            raise DiskError(f"{filepath} exists and overwrite=False: save to another path, or overwrite it")
        with replace_folder(filepath, marker="config.json") as folder:
            heads = {name: self.network.get_layer(name) for name in self.task.checkpoint_heads}
            values = {
                **self.task.hugging_face_config(),
                "tfbert": {**saved_as(self.task), "settings": self.task.settings(), **self._padding()},
            }
            pooler = self.encoder.has_trained_pooler
            hugging_face.write_folder(
                folder, self.encoder, heads, head=self.task.hugging_face_head, values=values, pooler=pooler
            )
            self.task.tokenizer.save(folder)
            self.write_further_files(folder)

    def _padding(self):
        is_padded = len(self.task.tokenizer.vocabulary) < self.encoder.config.vocab_size
        return {"unused_embeddings": True} if is_padded else {}

    def write_further_files(self, folder: Any) -> None:
        """Writes what else belongs into a saved folder; by default nothing."""

    def read_further_files(self, folder: Any) -> None:
        """Reads what `write_further_files` may have written into the folder of a checkpoint; by default nothing."""

    def export(self, filepath: Any) -> None:
        """Writes a SavedModel that takes strings and needs neither Keras nor tfbert; see `tfbert.export`."""
        hooks.room("export").write_saved_model(self, filepath)

    def get_config(self) -> dict[str, Any]:
        return {
            "task": self.task.settings(),
            "tokenizer": self.task.tokenizer.get_config(),
            "encoder": {"model_type": self.encoder.config.model_type, **self.encoder.config.to_dict()},
            "has_pooler": self.encoder.has_trained_pooler,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        task = cls.task_class.from_settings(config["task"], Tokenizer.from_config(config["tokenizer"]))
        dtype = keras.saving.deserialize_keras_object(config["dtype"])
        model = cls(task, families.config_from(config["encoder"]), dtype=dtype, name=config["name"])  # type: ignore[call-arg]
        model.encoder.has_trained_pooler = config.get("has_pooler", True)  # files of earlier versions lack it
        return model


def _check_vocabulary(source: checkpoints.Source, tokenizer: Tokenizer, *, is_padded: bool) -> None:
    """Raises VocabularyError: more tokens than rows of the embedding, or fewer where it is not padded on purpose."""
    tokens, rows = len(tokenizer.vocabulary), source.config.vocab_size
    if tokens == rows or (tokens < rows and is_padded):
        return
    blank = [str(number + 1) for number, token in enumerate(tokenizer.vocabulary) if not token]
    remedy = (
        ""
        if tokens > rows
        else "; unused_embeddings=True accepts an embedding padded on purpose "
        "(--config.unused_embeddings=True; of predict --unused_embeddings)"
    )
    if tokens > rows and blank:
        remedy = f"; remove the blank lines of {tokenizer.vocabulary.source}: {', '.join(blank[:10])}"
    raise VocabularyError(
        f"{source.folder}: the vocabulary has {tokens} tokens, the token embedding {rows} rows{remedy}"
    )


def _add_rows(source: checkpoints.Source, tokenizer: Tokenizer, task: Task) -> None:
    """Adds the rows of tokens that the task's tokenizer has besides the checkpoint's."""
    own, added = len(tokenizer.vocabulary), task.tokenizer.vocabulary.tokens[len(tokenizer.vocabulary) :]
    if added:
        logging.info("%s: the vocabulary of %d tokens gets %s", source.folder, own, ", ".join(added))
    if own + len(added) > source.config.vocab_size:
        source.add_rows(own + len(added))


def _load_heads(model: Any, source: checkpoints.Source) -> tuple[checkpoints.LoadReport, tuple[str, ...]]:
    """Loads the task's heads, their logits in the order of its labels; a head of other labels starts anew."""
    task, notes = model.task, []
    theirs, ours = source.label_names(), task.logit_names
    order = label_order.order_of(theirs, ours) if theirs and ours else []
    if theirs and ours and (said := label_order.note(theirs, ours, order)):
        notes.append(said)
    if task.checkpoint_heads and not label_order.is_of_task(source, task):
        order = None
        notes = [f"the head starts anew: the checkpoint's is for {source.hugging_face_head()}"]
    loaded, missing = [], []
    for name in task.checkpoint_heads:
        layer = model.network.get_layer(name)
        if order is None:
            missing += [f"{name}/{path}" for path in relative_variables(layer)]
            continue
        report = checkpoints.load_head(layer, name, source)
        if report.loaded and order != sorted(order):
            label_order.put_in_order(layer, order)
        loaded += report.loaded
        missing += report.missing
    for said in notes:
        (logging.warning if order is None else logging.info)("%s: %s", source.folder, said)
    return checkpoints.LoadReport(tuple(loaded), tuple(missing)), tuple(notes)
