"""Tasks on the tokens of texts, in windows, for finetune_torch.py. B batch, S sequence."""

import types

import numpy as np
import torch
import transformers
from torch_tasks import Task

from tfbert.tasks.question_answering import (
    examples as question_answering_examples,
)
from tfbert.tasks.question_answering import (
    metrics as question_answering_metrics,
)
from tfbert.tasks.token_classification import (
    examples as token_classification_examples,
)
from tfbert.tasks.token_classification import (
    metrics as token_classification_metrics,
)
from tfbert.tasks.token_classification.tags import spans_of_tags

NO_TAG = -100


class TokenClassification(Task):
    """Tags of words at their first pieces, as BertForTokenClassification; what max_length cuts off is O.

    Words are the rows' own; those of a text are what BertTokenizerFast splits it into before it looks for pieces.
    """

    def __init__(self, config, tokenizer, table):
        super().__init__(config, tokenizer)
        columns = config.all_columns
        labels = tuple(config.settings.get("labels") or token_classification_examples.labels_of(table, columns))
        self.names = types.SimpleNamespace(columns=columns, labels=labels, tokenizer=_WordsOfTexts(tokenizer))
        self.tags = ("O", *(f"{prefix}-{label}" for label in labels for prefix in "BI"))
        features, words, places, spans = self.read(table)
        self.train_on(features, [self.target(*row) for row in zip(words, places, spans, strict=True)])

    def read(self, table):
        """Features, the word of each piece ([row][S], None for specials), each word's place, spans int [n, 3]."""
        found = token_classification_examples.read(self.names, table, labelled=True, training=False)
        rows = found.get("words") or found["text"]
        encoded = self.tokenizer(
            rows,
            is_split_into_words="words" in found,
            truncation=True,
            max_length=self.config.max_length,
            return_offsets_mapping="text" in found,
        )
        words = [encoded.word_ids(i) for i in range(len(rows))]
        if "words" in found:
            places = [{word: (word, word + 1) for word in row if word is not None} for row in words]
        else:
            places = [_extents(*row) for row in zip(words, encoded.pop("offset_mapping"), strict=True)]
        features = [dict(zip(encoded, row, strict=True)) for row in zip(*encoded.values(), strict=True)]
        return features, words, places, found["spans"]

    def target(self, words, places, spans):
        tag_of = {}
        for start, end, label in spans.tolist():
            touched = sorted(word for word, (first, last) in places.items() if first < end and last > start)
            tag_of.update({word: 2 * label + (1 if word == touched[0] else 2) for word in touched})
        firsts = [word is not None and word not in words[:i] for i, word in enumerate(words)]
        return [tag_of.get(word, 0) if first else NO_TAG for word, first in zip(words, firsts, strict=True)]

    def model(self, checkpoint):
        return transformers.BertForTokenClassification.from_pretrained(checkpoint, num_labels=len(self.tags))

    def forward(self, model, features):
        return model(**self.batch(features)).logits

    def loss(self, model, rows):
        logits = self.forward(model, [self.features[i] for i in rows])
        targets = torch.full(logits.shape[:2], NO_TAG)
        for k, i in enumerate(rows):
            targets[k, : len(self.labels[i])] = torch.tensor(self.labels[i])
        return torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=NO_TAG)

    def score(self, model, table):
        features, words, places, spans = self.read(table)
        rows = []
        for logits, row in zip(self.outputs(model, features), words, strict=True):
            best = logits.argmax(-1)
            firsts = {}
            for place, word in enumerate(row):
                if word is not None:
                    firsts.setdefault(word, self.tags[best[place]])
            rows.append([firsts.get(word, "O") for word in range(max(firsts, default=-1) + 1)])
        found, _ = spans_of_tags(rows, None)
        truth = token_classification_metrics.truth_of(spans, self.names.labels)
        return token_classification_metrics.metrics(
            truth,
            [
                {(label, of_word[start][0], of_word[end - 1][1]) for start, end, label in row}
                for row, of_word in zip(found, places, strict=True)
            ],
        )


def _extents(words, offsets):
    """{word: its first and last (exclusive) character} from the word and the characters of each piece."""
    found = {}
    for word, (start, end) in zip(words, offsets, strict=True):
        if word is not None:
            found[word] = found.get(word, (start, end))[0], end
    return found


class _WordsOfTexts:
    """As much of tfbert.text.Tokenizer as the reader of spans asks for, from BertTokenizerFast."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def tokenize(self, texts, offsets):
        encoded = self.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=offsets)
        splits = torch.tensor([0, *map(len, encoded["input_ids"])]).cumsum(0)
        words = [word for i in range(len(texts)) for word in encoded.word_ids(i)]
        pieces = {"word_ids": words, "character_offsets": [place for row in encoded["offset_mapping"] for place in row]}
        return {
            name: types.SimpleNamespace(row_splits=splits, flat_values=torch.tensor(values))
            for name, values in pieces.items()
        }


class QuestionAnswering(Task):
    """The first and last token of an answer, as BertForQuestionAnswering; windows as transformers' run_qa.py."""

    n_best = 20

    def __init__(self, config, tokenizer, table):
        super().__init__(config, tokenizer)
        settings = {"stride": config.max_length // 3, "unanswerable": False, "answer_length": 30, "language": "en"}
        self.settings = types.SimpleNamespace(**{**settings, **config.settings}, columns=config.all_columns)
        examples = self.read(table, training=True)
        features, self.rows, offsets = self.windows(examples)
        self.train_on(features, self.targets(examples, self.rows, offsets))

    def read(self, table, training):
        return question_answering_examples.read(self.settings, table, labelled=True, training=training)

    def windows(self, examples):
        """Features, the row of each window, and each token's characters in the context (None elsewhere)."""
        questions = [text.lstrip() for text in examples["question"]]
        encoded = self.tokenizer(
            questions,
            examples["context"],
            truncation="only_second",
            max_length=self.config.max_length,
            stride=self.settings.stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        rows = encoded.pop("overflow_to_sample_mapping")
        offsets = [
            [place if part == 1 else None for place, part in zip(places, encoded.sequence_ids(i), strict=True)]
            for i, places in enumerate(encoded.pop("offset_mapping"))
        ]
        features = [dict(zip(encoded, row, strict=True)) for row in zip(*encoded.values(), strict=True)]
        return features, np.array(rows), offsets

    def targets(self, examples, rows, offsets):
        targets = np.zeros((len(rows), 2), np.int64)
        for window, (row, places) in enumerate(zip(rows, offsets, strict=True)):
            begin, end = examples["answer_start"][row], examples["answer_end"][row]
            inside = [i for i, place in enumerate(places) if place and place[0] < end and place[1] > begin]
            context = [place for place in places if place]
            if begin >= 0 and inside and context[0][0] <= begin and context[-1][1] >= end:
                targets[window] = inside[0], inside[-1]
        return targets

    def model(self, checkpoint):
        return transformers.BertForQuestionAnswering.from_pretrained(checkpoint)

    def forward(self, model, features):
        found = model(**self.batch(features))
        return torch.stack([found.start_logits, found.end_logits], -1)

    def loss(self, model, rows):
        logits = self.forward(model, [self.features[i] for i in rows])
        targets = torch.from_numpy(self.labels[rows])
        return sum(torch.nn.functional.cross_entropy(logits[..., i], targets[:, i]) for i in range(2)) / 2

    def score(self, model, table):
        examples = self.read(table, training=False)
        features, rows, offsets = self.windows(examples)
        count = len(examples["context"])
        best, spans, nulls = np.full(count, -np.inf), [""] * count, np.full(count, np.inf)
        for row, places, logits in zip(rows, offsets, self.outputs(model, features), strict=True):
            nulls[row] = min(nulls[row], logits[0].sum())
            starts, ends = (np.argsort(-logits[: len(places), i])[: self.n_best] for i in range(2))
            for first in starts:
                for last in ends:
                    if not (places[first] and places[last] and 0 <= last - first < self.settings.answer_length):
                        continue
                    if (value := logits[first, 0] + logits[last, 1]) > best[row]:
                        best[row] = value
                        spans[row] = examples["context"][row][places[first][0] : places[last][1]]
        known = {"language": self.settings.language, "unanswerable": self.settings.unanswerable}
        if self.settings.unanswerable:
            threshold = question_answering_metrics.best_threshold(examples["answers"], spans, nulls - best)
            spans = [
                text if null - value <= threshold else "" for text, null, value in zip(spans, nulls, best, strict=True)
            ]
        return question_answering_metrics.metrics(examples["answers"], spans, **known)
