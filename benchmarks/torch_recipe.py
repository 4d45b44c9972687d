"""The optimizer of tfbert's recipes, in PyTorch: AdamW, warm-up, linear decay and clipping."""

import torch
import transformers


def optimizer_of(model, config, total, **settings):
    """AdamW and its schedule of `total` steps; biases and LayerNorms, all that has one dimension, are not decayed."""
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    plain = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=config.learning_rate,
        fused=True,
        **settings,
    )
    return optimizer, transformers.get_linear_schedule_with_warmup(optimizer, round(config.warmup * total), total)


def step(loss, model, optimizer, schedule, clip_norm):
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
