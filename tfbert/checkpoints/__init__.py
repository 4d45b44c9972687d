"""Checkpoints of any format <-> tfbert: a format is a file in formats/ and a row; each family has its own tables."""

from tfbert.checkpoints import store
from tfbert.checkpoints.loading import LoadReport, load_encoder, load_head
from tfbert.checkpoints.opening import open_checkpoint
from tfbert.checkpoints.weights import Source

__all__ = ["LoadReport", "Source", "load_encoder", "load_head", "open_checkpoint", "store"]
