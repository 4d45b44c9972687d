"""Files, TFDS and lists -> examples -> batches."""

from tfbert.data.reading import read, stream
from tfbert.data.table import Table

__all__ = ["Table", "read", "stream"]
