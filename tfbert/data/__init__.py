"""Files, TFDS and lists -> examples -> batches."""

from tfbert.data.read import read, stream
from tfbert.data.table import Table

__all__ = ["Table", "read", "stream"]
