"""Module names of earlier versions, which users' configs and programs import."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Sequence

# old name -> new name, both below tfbert: those that documents, configs, programs and saved Keras files named
_MOVED = {
    "checkpoints.google_tf1": "checkpoints.formats.google_tf1",
    "checkpoints.hugging_face": "checkpoints.formats.hugging_face",
    "checkpoints.keras_hub": "checkpoints.formats.keras_hub",
    "checkpoints.mapping": "encoders.weight_table",
    "checkpoints.model_garden": "checkpoints.formats.model_garden",
    "checkpoints.sentence_transformers": "checkpoints.formats.sentence_transformers",
    "config": "encoders.bert.config",
    "data.batches": "data.batching.batches",
    "data.examples": "data.pretraining.examples",
    "data.masking": "data.pretraining.masking",
    "data.order": "data.batching.order",
    "data.pretraining_batches": "data.pretraining.batches",
    "data.shards": "data.pretraining.shards",
    "encoder": "encoders.bert.encoder",
    "layers.activations": "encoders.layers.activations",
    "layers.attention": "encoders.layers.attention",
    "layers.dropout": "encoders.layers.dropout",
    "layers.embeddings": "encoders.layers.embeddings",
    "layers.encoder_block": "encoders.layers.blocks",
    "layers.feed_forward": "encoders.layers.feed_forward",
    "layers.initializers": "encoders.layers.initializers",
    "layers.pooling": "encoders.layers.pooling",
    "layers.pretraining_heads": "encoders.layers.heads",
    "layers.tag_transitions": "tasks.token_classification.transitions",
    "models.answers_file": "bulk.answers_file",
    "models.beam_transform": "bulk.beam",
    "models.bulk": "bulk.predict",
    "pages": "memory",
    "serving.batching_parameters": "serving.models.batching_parameters",
    "serving.export": "export.folder",
    "serving.golden": "export.golden",
    "serving.lite": "export.lite",
    "serving.onnx": "export.onnx.files",
    "serving.saved_model": "export.saved_model.write",
    "serving.server": "serving.host.server",
    "serving.tls": "serving.host.tls",
    "serving.versions": "serving.models.versions",
    "tasks.classification_examples": "tasks.classification.examples",
    "tasks.classification_loss": "tasks.classification.loss",
    "tasks.multiple_choice_loss": "tasks.multiple_choice.loss",
    "tasks.question_answering_loss": "tasks.question_answering.loss",
    "tasks.relation_metrics": "tasks.relation_extraction.metrics",
    "tasks.sentence_embedding_loss": "tasks.sentence_embedding.loss",
    "tasks.summarization_loss": "tasks.summarization.loss",
    "tasks.token_classification_loss": "tasks.token_classification.loss",
    "tasks.token_classification_tags": "tasks.token_classification.tags",
    "training.experiment": "runs.configs.finetune",
    "training.finetune": "runs.finetune",
    "training.lamb": "training.optimizers.lamb",
    "training.optimizer": "training.optimizers.adamw",
    "training.pretrain": "runs.pretrain",
    "training.pretrain_config": "runs.configs.pretrain",
    "training.pretrain_inputs": "runs.pretrain_inputs",
    "training.report": "runs.report.report",
    "training.schedule": "training.optimizers.schedule",
}
MOVED = {f"tfbert.{old}": f"tfbert.{new}" for old, new in _MOVED.items()}


def install() -> None:
    """Makes each old name import the module that has its place, with a DeprecationWarning that names it."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands last on `sys.meta_path`, so that it is asked for what no folder holds."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: types.ModuleType) -> None:
        old = module.__name__
        warnings.warn(f"{old} is now called {MOVED[old]}", DeprecationWarning, stacklevel=2)
        # The import system takes from here what stands for the name: the new module itself, not a copy of it.
        sys.modules[old] = importlib.import_module(MOVED[old])
