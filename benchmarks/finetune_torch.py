"""The recipe of a file in configs/, in PyTorch `transformers`: the peer of `tfbert finetune`.

The same weights, data, readers and scores, batches by the same rule, dropout, AdamW, warm-up, decay and clipping; what
`transformers` has no model for, sentence embeddings and relations, is its BertModel with the same head. Runs in an
environment of its own (PyTorch is no dependency of tfbert; `make .venv-reference/.installed`):

    PYTHONPATH=. .venv-reference/bin/python benchmarks/finetune_torch.py --config=configs/sst2.py --checkpoint=DIR \
        --train=train.tsv.gz --dev=dev.tsv --seed=0
"""

import argparse
import importlib.util
import json
import time

import ml_collections
import torch
import torch_recipe
import torch_tasks
import torch_window_tasks
import transformers

from tfbert import data
from tfbert.data.batching.order import batches_of_epoch
from tfbert.runs.configs.finetune import FinetuneConfig

TASKS = {
    "classification": torch_tasks.Classification,
    "relation_extraction": torch_tasks.RelationExtraction,
    "sentence_embedding": torch_tasks.SentenceEmbedding,
    "token_classification": torch_window_tasks.TokenClassification,
    "question_answering": torch_window_tasks.QuestionAnswering,
}


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("config", "checkpoint", "train", "dev"):
        parser.add_argument(f"--{name}", required=True, help="config: a file, or FILE:ARGUMENT")
    parser.add_argument("--test", help="a labelled file for the kept weights")
    parser.add_argument("--test_format", help="where its suffix does not say it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="NAME=NUMBER, another value of a setting")
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


def config_of(args):
    path, _, argument = args.config.partition(":")
    spec = importlib.util.spec_from_file_location("config", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    values = ml_collections.ConfigDict(module.get_config(*([argument] if argument else []))).to_dict()
    for name, value in (pair.split("=") for pair in args.set):
        values[name] = type(values[name])(float(value))
    return FinetuneConfig.from_dict({**values, "train": args.train, "dev": args.dev, "seed": args.seed})


def main():
    args = arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    config = config_of(args)

    def table(path, format=config.format or None):
        return data.read(path, column_names=config.column_names, format=format)

    tokenizer = transformers.BertTokenizerFast.from_pretrained(args.checkpoint)
    task = TASKS[config.task](config, tokenizer, table(args.train))
    model = task.model(args.checkpoint)
    dev = table(args.dev)
    total = config.epochs * -(-len(task.lengths) // config.batch_size)
    optimizer, schedule = torch_recipe.optimizer_of(model, config, total)

    step, tokens, seconds, best, kept, score = 0, 0, 0.0, -1.0, None, {}
    for epoch in range(config.epochs):
        model.train()
        started = time.time()
        for rows in batches_of_epoch(task.lengths, config.batch_size, seed=args.seed, epoch=epoch):
            loss = task.loss(model, rows)
            torch_recipe.step(loss, model, optimizer, schedule, config.clip_norm)
            tokens += int(task.lengths[rows].sum())
            step += 1
            if step % 100 == 0:
                print(f"step {step}/{total} loss {loss.item():.4f} {time.time() - started:.0f}s", flush=True)
        seconds += time.time() - started
        model.eval()
        with torch.no_grad():
            score = task.score(model, dev)
        print(f"epoch {epoch + 1}: {score}", flush=True)
        chosen = score[config.metric or next(iter(score))]
        if chosen > best:
            best, best_score = chosen, score
            kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = {
        "framework": f"transformers {transformers.__version__}, torch {torch.__version__}",
        "seed": args.seed,
        "seconds": round(seconds, 1),
        "examples_per_second": round(step * config.batch_size / seconds, 1),
        "tokens_per_second": round(tokens / seconds),
    }
    if kept is not None:
        model.load_state_dict(kept)
        model.eval()
        found["dev"] = best_score
        if args.test:
            with torch.no_grad():
                found["test"] = task.score(model, table(args.test, args.test_format or config.format or None))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
