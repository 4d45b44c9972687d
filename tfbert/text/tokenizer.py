"""BERT's tokenizer as graph ops: strings -> token_ids, segment_ids, padding_mask, and back.

Shapes: B texts, W windows of all texts together, S = the longest row of the batch with its special tokens, T tokens
of all texts together.
"""

import tensorflow as tf

from tfbert.text import inputs, windows
from tfbert.text.algorithms.detokenizer import Detokenizer
from tfbert.text.algorithms.stages import Stages
from tfbert.text.folder import has_capitals, read_folder, write_folder
from tfbert.text.offsets import CharacterTable
from tfbert.text.pieces import row_ids
from tfbert.text.special_tokens import BERT_TOKENS, AddedToken, SpecialTokens, check_added
from tfbert.text.template import TRUNCATIONS, Part, assemble, truncated_lengths
from tfbert.text.vocabulary import Vocabulary

# There is no Python control flow over tensors below for AutoGraph to find: it would take seconds.
_as_it_stands = tf.autograph.experimental.do_not_convert


class Tokenizer:
    """Strings -> ids, equal to Hugging Face's BertTokenizerFast, eagerly, in tf.data, in a SavedModel and in LiteRT.

    Args:
        vocabulary: a Vocabulary.
        lower_case: lower-case the text.
        strip_accents: remove accents; None means as `lower_case`.
        tokenize_chinese_chars: make each Chinese character a word.
        max_length: tokens at most, the special ones included.
        special_tokens: the vocabulary's names for [UNK], [CLS], … where they differ.
        added_tokens: `AddedToken`s of the vocabulary.
        portable: build graphs for LiteRT, of the ops that it has with tensorflow_text's kernels alone.

    The rules are those of google-research/bert as Hugging Face's `tokenizers` applies them.

    >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film", "##s"])
    >>> Tokenizer(vocabulary)(["A film", "films"])["token_ids"].numpy()
    array([[2, 4, 5, 3],
           [2, 5, 6, 3]], dtype=int32)
    """

    def __init__(
        self,
        vocabulary,
        lower_case=True,
        strip_accents=None,
        tokenize_chinese_chars=True,
        max_length=512,
        *,
        special_tokens=BERT_TOKENS,
        added_tokens=(),
        portable=False,
    ):
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(f"vocabulary is {type(vocabulary).__name__}; expected a tfbert.text.Vocabulary")
        special_tokens.check(vocabulary)
        self.vocabulary = vocabulary
        self.lower_case = lower_case
        self.strip_accents = strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.max_length = max_length
        self.special_tokens = special_tokens
        self.added_tokens = check_added(added_tokens, vocabulary)
        self.portable = portable
        strip_accents = lower_case if strip_accents is None else strip_accents
        rules = tuple(map(bool, (lower_case, strip_accents, tokenize_chinese_chars)))
        self._pieces = Stages(vocabulary, rules, special_tokens, self.added_tokens, portable)
        self._characters = CharacterTable()
        self._detokenizer = Detokenizer(vocabulary, special_tokens, self.added_tokens)

    @classmethod
    def from_folder(cls, folder, max_length=None):
        """Reads a Hugging Face or Google folder: vocab.txt, tokenizer_config.json, tokenizer.json, ….

        tokenizer_config.json is asked first, then tokenizer.json; with neither (Google's TF1 folders) the
        text is lower-cased unless the vocabulary holds a word with a capital letter. Without `max_length` it
        is the folder's model_max_length, or 512. Raises VocabularyError or ConfigError, naming the file.
        """
        vocabulary, settings = read_folder(folder)
        if max_length is not None:
            settings["max_length"] = max_length
        return cls(vocabulary, **settings)

    @classmethod
    def from_file(cls, path, **settings):
        """Reads a vocab.txt; `settings` are the constructor's. Raises VocabularyError, naming the file.

        Unless `lower_case` is given, the text is lower-cased where the vocabulary holds no word with a capital letter.
        """
        vocabulary = Vocabulary.from_file(path)
        return cls(vocabulary, **{"lower_case": not has_capitals(vocabulary), **settings})

    @_as_it_stands
    def __call__(
        self,
        text,
        text_pair=None,
        *,
        max_length=None,
        truncation="longest_first",
        offsets=False,
        is_split_into_words=False,
    ):
        """Returns {"token_ids", "segment_ids", "padding_mask"}, int32 [B, S]: [CLS] text [SEP] pair [SEP].

        Args:
            text, text_pair: strings [B] (tensor, list or array); with `is_split_into_words` strings [B, (words)]
                (RaggedTensor or lists), of which each is tokenized by itself.
            max_length: tokens at most; S is the batch's longest row, at least 1.
            truncation: "longest_first", "only_first" or "only_second".
            offsets: also return, int32, where each token lies in its text (in its word, where split into words):
                "byte_offsets" and "character_offsets" [B, S, 2], start and end, and "word_ids" [B, S], the number
                of its word in the text; (0, 0) and -1 for special tokens and padding. Characters are those of
                Python's `decode("utf-8", "replace")`.

        Raises TypeError or ValueError for what is not [B] strings, ValueError for a `max_length` without room
        for the special tokens.
        """
        if truncation not in TRUNCATIONS:
            raise ValueError(f"truncation={truncation!r}; expected one of {', '.join(TRUNCATIONS)}")
        max_length = self.max_length if max_length is None else max_length
        parts = self._parts(text, text_pair, offsets, is_split_into_words)
        room = self._room(max_length, len(parts))
        if len(parts) == 1:
            kept = (tf.minimum(parts[0].lengths, room),)
        else:
            kept = truncated_lengths(*(part.lengths for part in parts), room, truncation, check=not self.portable)
        parts = [part._replace(lengths=lengths) for part, lengths in zip(parts, kept, strict=True)]
        return assemble(parts, self._fills(offsets))

    @_as_it_stands
    def windows(
        self,
        text,
        text_pair=None,
        *,
        max_length=None,
        stride=0,
        max_first_length=None,
        offsets=False,
        is_split_into_words=False,
    ):
        """Cuts long texts into overlapping windows: `text`, or `text_pair` behind all of its `text` (a question).

        Args:
            stride: tokens that a window shares with the one before, as Hugging Face's.
            max_first_length: tokens kept of `text` where there are pairs; 64, or half of what `stride` leaves of a
                short window, unless given.
            others: as for a call.

        Returns:
            What a call returns, for W windows in the order of the texts, and
            "rows": int32 [W], the text that a window is from;
            "best_context": int32 [W, S], 1 where no other window sees the token with more text on both sides.

        Raises ValueError for a stride that leaves no room for new tokens.
        """
        max_length = self.max_length if max_length is None else max_length
        parts = self._parts(text, text_pair, offsets, is_split_into_words)
        room = self._room(max_length, len(parts))
        if len(parts) > 1:
            if max_first_length is None:
                max_first_length = max(0, min(64, (room - stride) // 2))
            room -= max_first_length
        if not 0 <= stride < room:
            raise ValueError(
                f"stride={stride} must be less than the {max(room, 0)} tokens of a text that a window of "
                f"max_length={max_length} holds"
                + (f" with max_first_length={max_first_length}" if len(parts) > 1 else "")
            )
        *first, cut = parts
        rooms = tf.fill(tf.shape(cut.lengths), room)
        if first:
            kept = tf.minimum(first[0].lengths, max_first_length)
            rooms += max_first_length - kept
        rows, begins, lengths = windows.cut(cut.lengths, rooms, stride)
        rows_of = [part._replace(begins=tf.gather(part.begins, rows), lengths=tf.gather(kept, rows)) for part in first]
        rows_of.append(cut._replace(begins=tf.gather(cut.begins, rows) + begins, lengths=lengths))
        batch = assemble(rows_of, self._fills(offsets))
        before = tf.gather(kept, rows) + 2 if first else tf.ones_like(rows)
        number = tf.range(tf.shape(batch["token_ids"])[1]) - tf.expand_dims(before, 1)  # within the window, [W, S]
        best_context = windows.in_best_context(number, rows, begins, lengths)
        return {**batch, "rows": rows, "best_context": best_context}

    @_as_it_stands
    def tokenize(self, text, offsets=False):
        """Returns the ids of `text` [B] without special tokens: RaggedTensor of int32 [B, (tokens)].

        With `offsets` a dict of "token_ids" and what a call adds, with ragged tokens.
        """
        part, row_splits = self._part(inputs.strings(text, "text"), offsets)
        ragged = {
            name: tf.RaggedTensor.from_row_splits(values, row_splits, validate=False)
            for name, values in part.features.items()
        }
        return ragged if offsets else ragged["token_ids"]

    @_as_it_stands
    def detokenize(self, ids, skip_special_tokens=True, clean_up=True):
        """Returns texts [B] of `ids`, int [B, S] or ragged [B, (tokens)], as Hugging Face's `decode`.

        `clean_up` removes the spaces before punctuation and in English contractions. Raises ValueError for ids
        that the vocabulary does not have (in a graph, InvalidArgumentError).
        """
        return self._detokenizer(ids, skip_special_tokens, clean_up)

    def save(self, folder):
        """Writes vocab.txt and tokenizer_config.json, for `from_folder` and Hugging Face's BertTokenizer.

        Removes an earlier tokenizer.json there, which Hugging Face would prefer. Raises DiskError.
        """
        write_folder(folder, self)

    def get_config(self):
        """Returns the constructor's arguments as plain JSON values, the vocabulary as its list of tokens."""
        return {
            "vocabulary": list(self.vocabulary.tokens),
            "lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.tokenize_chinese_chars,
            "max_length": self.max_length,
            "special_tokens": vars(self.special_tokens).copy(),
            "added_tokens": [vars(token).copy() for token in self.added_tokens],
        }

    @classmethod
    def from_config(cls, config, **changes):
        """The inverse of `get_config`."""
        return cls(
            **{
                **config,
                "vocabulary": Vocabulary(config["vocabulary"]),
                "special_tokens": SpecialTokens(**config.get("special_tokens", {})),
                "added_tokens": [AddedToken(**token) for token in config.get("added_tokens", ())],
                **changes,
            }
        )

    def _room(self, max_length, texts):
        specials = texts + 1
        if max_length < specials:
            raise ValueError(f"max_length={max_length} leaves no room for the {specials} special tokens")
        return max_length - specials

    def _parts(self, text, text_pair, offsets, is_split_into_words):
        check = inputs.words if is_split_into_words else inputs.strings
        texts = [check(text, "text")]
        if text_pair is not None:
            texts.append(check(text_pair, "text_pair"))
            if not self.portable:
                texts = inputs.with_equal_rows(*texts)
        return [self._part(text, offsets)[0] for text in texts]

    def _part(self, text, offsets):
        """All tokens of each text as a Part, and their row splits. text: strings [B] or RaggedTensor [B, (words)]."""
        is_split = isinstance(text, tf.RaggedTensor)
        units = text.flat_values if is_split else text
        pieces = self._pieces(units, offsets)
        row_splits = tf.gather(pieces.row_splits, tf.cast(text.row_splits, tf.int32)) if is_split else pieces.row_splits
        features = {"token_ids": pieces.ids}
        if offsets:
            spans = self._characters.spans if self.portable else self._characters.spans_of_any
            starts, ends, first, after = spans(units, pieces)
            features["byte_offsets"] = tf.stack([starts, ends], -1)
            features["character_offsets"] = tf.stack([first, after], -1)
            rows = row_ids(row_splits, tf.size(pieces.ids))
            if is_split:
                number = row_ids(pieces.row_splits, tf.size(pieces.ids))
                before = tf.gather(tf.cast(text.row_splits, tf.int32), rows)
            else:
                number = tf.cumsum(pieces.begins)
                before = tf.gather(number, tf.gather(row_splits, rows))  # of the text's first token
            features["word_ids"] = number - before
        return Part(features, row_splits[:-1], row_splits[1:] - row_splits[:-1]), row_splits

    def _fills(self, offsets):
        special = self.special_tokens
        fills = {"token_ids": [self.vocabulary[name] for name in (special.start, special.separator, special.padding)]}
        if offsets:
            nowhere = [[0, 0]] * 3
            fills.update(byte_offsets=nowhere, character_offsets=nowhere, word_ids=[-1] * 3)
        return fills
