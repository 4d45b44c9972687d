"""PyTorch's part of pretrain_throughput.py: TEXTS VOCABULARY ROWS LENGTH WARM_UP STEPS."""

import itertools
import json
import sys
import time

import torch
import transformers


def main():
    texts, vocabulary = sys.argv[1:3]
    rows, length, warm_up, steps = map(int, sys.argv[3:])
    tokenizer = transformers.BertTokenizerFast(vocabulary)
    collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    with open(texts, encoding="utf-8") as file:
        text = tokenizer(file.read().splitlines())
    # run_mlm.py's grouping: texts in one row after the other, cut into rows of full length, no padding
    ids = list(itertools.chain.from_iterable(text["input_ids"]))
    encoded = [ids[at : at + length] for at in range(0, rows * (warm_up + steps) * length, length)]
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=512,
        num_hidden_layers=4,
        num_attention_heads=8,
        intermediate_size=2048,
    )
    model = transformers.BertForMaskedLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    tokens = 0
    for step in range(warm_up + steps):
        if step == warm_up:
            tokens, began = 0, time.perf_counter()
        part = encoded[step * rows : (step + 1) * rows]
        loss = model(**collator([{"input_ids": ids} for ids in part])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        tokens += sum(map(len, part))
    print(json.dumps({"tokens_per_second": tokens / (time.perf_counter() - began)}))


if __name__ == "__main__":
    main()
