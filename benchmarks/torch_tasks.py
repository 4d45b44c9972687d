"""Tasks on whole texts for finetune_torch.py. B batch, S sequence, H hidden, L labels."""

import types

import numpy as np
import scipy.stats
import sklearn.metrics
import torch
import transformers

from tfbert.tasks.classification import examples as classification_examples
from tfbert.tasks.relation_extraction import metrics as relation_metrics

EVALUATED_AT_ONCE = 64
MARKERS = ("[unused0]", "[unused1]", "[unused2]", "[unused3]")
MARKS = ("<e1>", "</e1>", "<e2>", "</e2>")


class Task:
    """Texts in, a batch's loss and a table's scores out; `self.lengths` int [rows] orders the batches."""

    def __init__(self, config, tokenizer):
        self.config, self.tokenizer = config, tokenizer

    def encode(self, *texts):
        encoded = self.tokenizer(*texts, truncation=True, max_length=self.config.max_length)
        return [dict(zip(encoded, row, strict=True)) for row in zip(*encoded.values(), strict=True)]

    def train_on(self, features, labels):
        self.features, self.labels = features, labels
        self.lengths = np.array([len(row["input_ids"]) for row in features])

    def batch(self, features):
        return self.tokenizer.pad(features, return_tensors="pt")

    def outputs(self, model, features):
        """What `forward` gives for rows of any number, in their order; sorted by length on the way."""
        order = np.argsort([-len(row["input_ids"]) for row in features], kind="stable")
        found = [None] * len(features)
        for begin in range(0, len(order), EVALUATED_AT_ONCE):
            rows = order[begin : begin + EVALUATED_AT_ONCE]
            for row, value in zip(rows, self.forward(model, [features[i] for i in rows]).numpy(), strict=True):
                found[row] = value
        return found


class Classification(Task):
    """Single labels, as BertForSequenceClassification."""

    def __init__(self, config, tokenizer, table):
        super().__init__(config, tokenizer)
        columns = config.all_columns
        labels = config.settings.get("labels") or classification_examples.labels_of(table, "single_label", columns, "")
        parts = ("text", "text_pair") if classification_examples.has_pairs(table, columns) else ("text",)
        self.names = types.SimpleNamespace(
            columns=columns, labels=tuple(labels), problem="single_label", text_inputs=parts
        )
        self.train_on(*self.read(table))

    def read(self, table):
        found = classification_examples.read(self.names, table, labelled=True, training=False)
        return self.encode(*(found[part] for part in self.names.text_inputs)), found["label"].astype(np.int64)

    def model(self, checkpoint):
        return transformers.BertForSequenceClassification.from_pretrained(checkpoint, num_labels=len(self.names.labels))

    def forward(self, model, features):
        return model(**self.batch(features)).logits

    def loss(self, model, rows):
        logits = self.forward(model, [self.features[i] for i in rows])
        return torch.nn.functional.cross_entropy(logits, torch.from_numpy(self.labels[rows]))

    def score(self, model, table):
        features, labels = self.read(table)
        found = np.array(self.outputs(model, features)).argmax(-1)
        scores = {"accuracy": float(sklearn.metrics.accuracy_score(labels, found))}
        if len(self.names.labels) == 2:
            scores["f1"] = float(sklearn.metrics.f1_score(labels, found))
            scores["matthews"] = float(sklearn.metrics.matthews_corrcoef(labels, found))
        return scores


class WithHead(torch.nn.Module):
    """BertModel and a layer on numbers of its hidden states."""

    def __init__(self, checkpoint, inputs_of_bert=0, outputs=0):
        super().__init__()
        self.bert = transformers.BertModel.from_pretrained(checkpoint)
        config = self.bert.config
        self.dropout = torch.nn.Dropout(config.hidden_dropout_prob)
        if outputs:
            self.classifier = torch.nn.Linear(inputs_of_bert * config.hidden_size, outputs)
            torch.nn.init.normal_(self.classifier.weight, std=config.initializer_range)
            torch.nn.init.zeros_(self.classifier.bias)


class RelationExtraction(Classification):
    """Logits from the states of the two entities' opening markers (Baldini Soares et al. 2019)."""

    def __init__(self, config, tokenizer, table):
        tokenizer.add_special_tokens({"additional_special_tokens": list(MARKERS)})
        super().__init__(config, tokenizer, table)

    def read(self, table):
        found = classification_examples.read(self.names, table, labelled=True, training=False)
        texts = []
        for text in found["text"]:
            for mark, token in zip(MARKS, MARKERS, strict=True):
                text = text.replace(mark, f" {token} ")
            texts.append(text)
        return self.encode(texts), found["label"].astype(np.int64)

    def model(self, checkpoint):
        return WithHead(checkpoint, 2, len(self.names.labels))

    def forward(self, model, features):
        batch = self.batch(features)
        states = model.bert(**batch).last_hidden_state  # [B, S, H]
        ids = self.tokenizer.convert_tokens_to_ids([MARKERS[0], MARKERS[2]])
        places = [(batch["input_ids"] == token).int().argmax(1) for token in ids]
        row = torch.arange(len(states))
        return model.classifier(model.dropout(torch.cat([states[row, place] for place in places], -1)))

    def score(self, model, table):
        features, labels = self.read(table)
        found = np.array(self.outputs(model, features)).argmax(-1)
        return relation_metrics.metrics(self.names.labels, labels, found)


class SentenceEmbedding(Task):
    """Pairs with scores: the mean of the tokens' states, and the squared error of the cosine."""

    def __init__(self, config, tokenizer, table):
        super().__init__(config, tokenizer)
        one, other, scores = self.read(table)
        low, high = config.settings["score_range"]
        self.other = other
        self.train_on(one, (scores - low) / (high - low))
        self.lengths = self.lengths + [len(row["input_ids"]) for row in other]

    def read(self, table):
        names = {"text": "sentence1", "text_pair": "sentence2", "score": "score", **self.config.columns}
        one, other = (self.encode(table.text_column(names[part])) for part in ("text", "text_pair"))
        return one, other, np.array([float(value) for value in table.column(names["score"])], np.float32)

    def model(self, checkpoint):
        return WithHead(checkpoint)

    def forward(self, model, features):
        batch = self.batch(features)
        mask = batch["attention_mask"].unsqueeze(-1).float()
        states = model.bert(**batch).last_hidden_state
        return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1).clamp(min=1e-9), dim=-1)

    def loss(self, model, rows):
        vectors = self.forward(model, [self.features[i] for i in rows] + [self.other[i] for i in rows])
        one, other = vectors.chunk(2)
        return torch.nn.functional.mse_loss((one * other).sum(-1), torch.from_numpy(self.labels[rows]))

    def score(self, model, table):
        one, other, scores = self.read(table)
        cosines = [float(a @ b) for a, b in zip(self.outputs(model, one), self.outputs(model, other), strict=True)]
        return {
            "spearman": float(scipy.stats.spearmanr(cosines, scores).statistic),
            "pearson": float(scipy.stats.pearsonr(cosines, scores).statistic),
        }
