"""The arithmetic of a training step."""


def flops_per_token(config, batches):
    """Floating-point operations that training takes for a non-padding token: forward, and twice as many backward.

    Args:
        config: `BertConfig`.
        batches: `PretrainingBatches`, for the mean number of tokens and of predictions.
    """
    length = batches.tokens_per_step / batches.batch_size
    return flops_of_rows(config, length, min(batches.max_predictions, batches.masking.rate * length))


def flops_of_rows(config, length, predictions):
    """The same for rows of `length` tokens, `predictions` of which go through the head.

    Products of matrices alone: projections and feed-forward of each layer, attention within a row, and the head of
    the masked language model. Source: Kaplan et al. 2020, table 1, with a head on P tokens.
    """
    hidden = config.hidden_size
    layer = 2 * (4 * hidden**2 + 2 * hidden * config.intermediate_size) + 4 * length * hidden
    head = predictions / length * 2 * (hidden**2 + hidden * config.vocab_size)
    return 3 * (config.num_hidden_layers * layer + head)
