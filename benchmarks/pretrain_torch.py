"""A run of `tfbert pretrain` in PyTorch `transformers`: the same first weights, batches, masks, schedule and clipping.

Of masked tokens, or of replaced tokens with the same draws, as the config says.

python benchmarks/pretrain_torch_inputs.py …, then, in an environment that has PyTorch:

PYTHONPATH=. python benchmarks/pretrain_torch.py --inputs=DIR --config=configs/pretrain/small_books.py --out=torch.jsonl
"""

import argparse
import collections
import importlib.util
import json
import math
import pathlib
import time

import numpy as np
import torch
import torch_recipe
import transformers


def main():
    parser = argparse.ArgumentParser()
    for name in ("inputs", "config", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--set", action="append", default=[], help="NAME=NUMBER, another value of a setting")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--save", help="folder for the trained model")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    spec = importlib.util.spec_from_file_location("config", args.config)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    for name, value in (pair.split("=") for pair in args.set):
        config[name] = type(config[name])(float(value))
    torch.manual_seed(config.seed)
    folder = pathlib.Path(args.inputs)
    model, sums = KINDS[config.task](folder / "model", config.settings)
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}

    optimizer, schedule = torch_recipe.optimizer_of(
        model, config, config.steps, betas=(0.9, config.beta_2), eps=config.epsilon
    )

    def batch_of(part, rows):
        found = {}
        for name, array in arrays.items():
            if name.startswith(part):
                kind = np.float32 if name.endswith("draws") else np.int64
                found[name.removeprefix(part + "_")] = torch.from_numpy(array[rows].astype(kind))
        return found

    def evaluate():
        model.eval()
        found = collections.defaultdict(lambda: np.zeros(4))
        with torch.no_grad():
            for begin in range(0, len(arrays["dev_token_ids"]), config.batch_size):
                for kind, values in sums(batch_of("dev", slice(begin, begin + config.batch_size))).items():
                    found[kind] += [float(value) for value in values]
        model.train()
        shown = {}
        for kind, (_, loss, right, count) in found.items():
            shown.update({f"val_{kind}_loss": loss / count, f"val_{kind}_accuracy": right / count})
        return {**shown, "val_mlm_perplexity": math.exp(shown["val_mlm_loss"])}

    model.train()
    started = time.time()
    tokens, losses = 0, []
    with open(args.out, "w", encoding="utf-8") as file:
        for step in range(1, config.steps + 1):
            rows = slice((step - 1) * config.batch_size, step * config.batch_size)
            loss = sum(weight * loss / count for weight, loss, _, count in sums(batch_of("train", rows)).values())
            torch_recipe.step(loss, model, optimizer, schedule, config.clip_norm)
            tokens += int(arrays["train_padding_mask"][rows].sum())
            losses.append(loss.item())
            is_last = step == config.steps
            if step % config.log_every and not is_last:
                continue
            seconds = time.time() - started
            line = {"step": step, "loss": np.mean(losses), "tokens_per_second": tokens / seconds}
            if step % config.evaluate_every == 0 or is_last:
                line.update(evaluate())
            print(line, flush=True)
            file.write(json.dumps(line) + "\n")
            tokens, started, losses = 0, time.time(), []
    if args.save:
        getattr(model, "discriminator", model).save_pretrained(args.save)


def fill_mask(folder, settings):
    """The model, and what sums up a batch: of each kind of loss its weight, the loss, right ones and number."""
    model = transformers.BertForPreTraining.from_pretrained(folder)

    def sums(batch):
        states = model.bert(batch["token_ids"], batch["padding_mask"], batch["segment_ids"])
        there = batch["masked_weights"] > 0
        row, _ = there.nonzero(as_tuple=True)
        # The masked tokens are gathered before the head, as a careful user of PyTorch would.
        logits = model.cls.predictions(states.last_hidden_state[row, batch["masked_positions"][there]])
        found = {"mlm": (1.0, *of_classes(logits, batch["masked_ids"][there]))}
        if "pair_labels" in batch:
            logits = model.cls.seq_relationship(states.pooler_output)
            found["nsp"] = (1.0, *of_classes(logits, batch["pair_labels"][:, 0]))
        return found

    return model, sums


def replaced_tokens(folder, settings):
    """As `fill_mask`, of a discriminator and its generator, which share their embeddings."""
    discriminator = transformers.ElectraForPreTraining.from_pretrained(folder)
    generator = transformers.ElectraForMaskedLM.from_pretrained(folder / "generator")
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.generator_lm_head.weight = discriminator.electra.embeddings.word_embeddings.weight
    model = torch.nn.ModuleDict({"discriminator": discriminator, "generator": generator})

    def sums(batch):
        inputs = {"attention_mask": batch["padding_mask"], "token_type_ids": batch["segment_ids"]}
        there = batch["masked_weights"] > 0
        row, _ = there.nonzero(as_tuple=True)
        place, truth = batch["masked_positions"][there], batch["masked_ids"][there]
        states = generator.electra(batch["token_ids"], **inputs).last_hidden_state[row, place]
        logits = generator.generator_lm_head(generator.generator_predictions(states))
        cumulated = logits.detach().softmax(-1).cumsum(-1)
        below = (cumulated <= batch["draws"][there][:, None] * cumulated[:, -1:]).sum(-1)
        token_ids = batch["token_ids"].clone()
        token_ids[row, place] = truth
        original = token_ids.clone()
        token_ids[row, place] = below.clamp(max=logits.shape[-1] - 1)
        scores = discriminator(token_ids, **inputs).logits
        kept = batch["padding_mask"] > 0
        scores, is_replaced = scores[kept], (token_ids != original)[kept]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, is_replaced.float(), reduction="sum")
        return {
            "mlm": (settings.get("generator_weight", 1.0), *of_classes(logits, truth)),
            "rtd": (settings.get("discriminator_weight", 50.0), loss, ((scores > 0) == is_replaced).sum(), len(scores)),
        }

    return model, sums


def of_classes(logits, truth):
    """Of predictions [n, V]: the loss, right ones and number, summed."""
    loss = torch.nn.functional.cross_entropy(logits, truth, reduction="sum")
    return loss, (logits.argmax(-1) == truth).sum(), len(truth)


KINDS = {"fill_mask": fill_mask, "replaced_tokens": replaced_tokens}


if __name__ == "__main__":
    main()
