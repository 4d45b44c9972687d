"""Fine-tuning steps in PyTorch `transformers`: random batches, each padded to its longest. Settings: as fit_tfbert."""

import csv
import gzip

import encoders
import protocol


def open_(settings):
    import numpy as np
    import torch
    import transformers

    torch.set_num_threads(settings["threads"])
    opened = gzip.open if settings["train"].endswith(".gz") else open
    with opened(settings["train"], "rt", encoding="utf-8") as file:
        table = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    tokens = encoders.tokenizer(settings["checkpoint"], max_length=128)
    model = transformers.BertForSequenceClassification.from_pretrained(settings["checkpoint"], num_labels=2).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)
    random = np.random.default_rng(0)

    def step():
        rows = [table[i] for i in random.integers(0, len(table), settings["batch"])]
        ids, mask = map(torch.tensor, tokens([row["sentence"] for row in rows]))
        labels = torch.tensor([int(row["label"]) for row in rows])
        model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    def call(count):
        for _ in range(count):
            step()

    return lambda task: lambda: call(task["steps"])


if __name__ == "__main__":
    protocol.run(open_)
