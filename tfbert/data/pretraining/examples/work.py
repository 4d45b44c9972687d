"""An item of work -> its shards: what a worker process does for each item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfbert.data.pretraining.examples.out_folder import OutFolder
from tfbert.data.pretraining.examples.plan import Item
from tfbert.data.pretraining.examples.reading import DocumentReader
from tfbert.data.pretraining.examples.rows import make_rows, serialized
from tfbert.data.pretraining.examples.sequences import make_sequences, room, with_short_sentences
from tfbert.data.pretraining.examples.settings import ExampleSettings
from tfbert.data.pretraining.examples.static_masks import StaticMasks
from tfbert.data.pretraining.examples.tokens import TextTokenizer, Tokens
from tfbert.text.tokenizer import Tokenizer

_PART = 1.5  # a part ends with the document after which it has the text of so many shards


class ShardMaker:
    """Makes the shards of items. All randomness in a part is a function of (seed, item, part, duplicate) alone.

    Args:
        settings: ExampleSettings; `words` is not "auto".
        tokenizer: a Tokenizer, or its config.
        out: the path of the OutFolder.
    """

    def __init__(self, settings: ExampleSettings, tokenizer: Tokenizer | dict[str, Any], out: str) -> None:
        if not isinstance(tokenizer, Tokenizer):
            tokenizer = Tokenizer.from_config(tokenizer)
        self._settings, self._out = settings, OutFolder(out)
        self._reader = DocumentReader(settings.documents, text_field=settings.text_field, limit=settings.shard_bytes)
        self._tokenize = TextTokenizer(tokenizer, settings.sentences, settings.words)
        self._template, self._unknown_id = tokenizer.template, tokenizer.unknown_id
        self._masks = StaticMasks(tokenizer, settings) if settings.masking == "static" else None

    def __call__(self, item: Item) -> list[dict]:
        """Makes the parts of an item that are not finished yet, and returns the records of all its parts.

        Raises:
            DataError: what is wrong with the corpus; names file and line.
            DiskError: the folder cannot be written.
        """
        records = self._out.finished_item(item)
        if records is None:
            records = [
                self._out.finished_part(item, number) or self._part(item, number, documents)
                for number, documents in parts(self._reader, item, _PART * self._settings.shard_bytes)
            ]
            self._out.finish_item(item, records)
        return records

    def _part(self, item: Item, number: int, documents: list[list[bytes]]) -> dict:
        settings = self._settings
        tokens = self._tokenize(documents)
        tokens, cut = with_short_sentences(tokens, room(settings.objective, settings.max_length, self._template))
        counts = {
            "rows": 0,
            "tokens": 0,
            "sequences": 0,
            "changed_sequences": 0,  # with a random next segment, or swapped ones
            "documents": len(tokens.documents) - 1,
            "sentences": len(tokens.sentences) - 1,
            "cut_sentences": cut,
            "text_bytes": sum(len(text) for document in documents for text in document),
            "text_tokens": len(tokens.ids),
            "unknown_tokens": int(np.count_nonzero(tokens.ids == self._unknown_id)),
        }
        seed = f"{settings.seed}/{item.number}/{number}"
        return self._out.finish_part(item, number, self._records(tokens, seed, counts), counts)

    def _records(self, tokens: Tokens, seed: str, counts: dict[str, int]) -> Iterator[bytes]:
        settings = self._settings
        for duplicate in range(settings.duplicates):
            of_duplicate = f"{seed}/{duplicate}"
            sequences = make_sequences(
                tokens,
                template=self._template,
                objective=settings.objective,
                max_length=settings.max_length,
                short_probability=settings.short_probability,
                seed=of_duplicate,
            )
            rows = make_rows(
                tokens,
                sequences,
                template=self._template,
                max_length=settings.max_length,
                packed=settings.packed,
                seed=of_duplicate,
            )
            counts["rows"] += len(rows.splits) - 1
            counts["tokens"] += len(rows.token_ids)
            counts["sequences"] += len(rows.sequence_lengths)
            counts["changed_sequences"] += int(rows.labels.sum())
            yield from serialized(rows, self._masks(rows, of_duplicate) if self._masks else None)


def parts(reader: DocumentReader, item: Item, size: float) -> Iterator[tuple[int, list[list[bytes]]]]:
    r"""Yields (number, documents) of the item's own parts of its text.

    A part ends with the document that reaches `size` bytes. Numbers count all parts of the text, also those of items
    that share it.

    >>> pathlib.Path("corpus.txt").write_text("One.\n\nTwo.\n\nThree.\n")
    19
    >>> from tfbert.data.pretraining.examples.plan import Piece
    >>> item = Item(0, (Piece("corpus.txt", 19),), share=1, of=2)
    >>> list(parts(DocumentReader("blank_lines", limit=1 << 20), item, size=4))
    [(1, [[b'Two.\n']])]
    """
    number, length = 0, 0
    documents: list[list[bytes]] = []
    for piece in item.pieces:
        for texts in reader(piece):
            if number % item.of == item.share:
                documents.append(texts)
            length += sum(map(len, texts))
            if length >= size:
                if number % item.of == item.share:
                    yield number, documents
                number, documents, length = number + 1, [], 0
    if documents:
        yield number, documents
