"""Pretraining steps of BertForMaskedLM with the collator and the full rows of run_mlm.py.

Texts one after the other, no padding, attention across texts, logits of all tokens. Settings: as pretrain_keras_hub.
"""

import itertools
import pathlib

import protocol


def open_(settings):
    import torch
    import transformers

    torch.set_num_threads(settings["threads"])
    length, batch = settings["length"], settings["batch"]
    tokenizer = transformers.BertTokenizerFast(str(pathlib.Path(settings["examples"], "vocab.txt")))
    collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    texts = pathlib.Path(settings["texts"]).read_text(encoding="utf-8").splitlines()[:3000]
    ids = list(itertools.chain.from_iterable(tokenizer(texts)["input_ids"]))
    rows = itertools.cycle([{"input_ids": ids[at : at + length]} for at in range(0, len(ids) - length, length)])
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=512,
        num_hidden_layers=4,
        num_attention_heads=8,
        intermediate_size=2048,
    )
    model = transformers.BertForMaskedLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def call(steps):
        for _ in range(steps):
            model(**collator([next(rows) for _ in range(batch)])).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        return {"tokens": steps * batch * length}

    call(1)  # allocates
    return lambda task: lambda: call(task["steps"])


if __name__ == "__main__":
    protocol.run(open_)
