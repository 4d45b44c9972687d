"""The keys of a config.json that change no number of an encoder. Any other key that no field reads is an error.

Source: transformers/configuration_utils.py, of versions 2 to 5, and the configurations of its families of encoders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tfbert.errors import ConfigError, did_you_mean

# What the whole class of a file is, and how it was stored.
_OF_FILES = (
    *("model_type", "architectures", "auto_map", "torch_dtype", "dtype", "torchscript", "quantization_config"),
    *("transformers_version", "tokenizer_class", "vocab_file", "use_bfloat16", "tf_legacy_loss"),
)
# Of tasks and training; tasks read them.
_OF_TASKS = (
    *("id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "task_specific_params"),
    *("num_sequence_labels", "num_choices", "gradient_checkpointing", "sbert_ce_default_activation_function"),
    *("chunk_size_feed_forward", "output_attentions", "output_hidden_states", "return_dict", "output_past"),
    *("pruned_heads", "use_cache", "use_return_dict", "attn_implementation", "sentence_transformers"),
)
# Of ids, which the tokenizer has.
_OF_TOKENS = (
    *("bos_token_id", "eos_token_id", "eos_token_ids", "cls_token_id", "sep_token_id", "mask_token_id", "prefix"),
    *("unk_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id"),
)
# Of models that generate text, in every file of transformers 2 to 4.
_OF_GENERATION = (
    *("max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "temperature"),
    *("diversity_penalty", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "bad_words_ids"),
    *("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "num_return_sequences", "output_scores"),
    *("return_dict_in_generate", "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens"),
    *("begin_suppress_tokens", "cross_attention_hidden_size", "tie_encoder_decoder"),
)
_OURS = ("tfbert", "embedding")  # what tfbert itself adds
HARMLESS = frozenset((*_OF_FILES, *_OF_TASKS, *_OF_TOKENS, *_OF_GENERATION, *_OURS))


def check_keys(values: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises ConfigError for keys of a config.json that are neither known nor harmless, such as an unknown variant's.

    A key that begins with "_", or has the value None, changes nothing.

    >>> check_keys({"hidden_size": 8, "_name_or_path": "a"}, ["hidden_size"])
    """
    known = {*known, *HARMLESS}
    unknown = [
        key for key, value in values.items() if key not in known and not key.startswith("_") and value is not None
    ]
    if unknown:
        listed = ", ".join(f"{key} ({values[key]!r:.40})" for key in unknown[:5])
        nearest = did_you_mean(unknown[0], known)
        raise ConfigError(
            f"tfbert does not know what {listed} {'does' if len(unknown) == 1 else 'do'} to the network{nearest}; "
            "remove from the configuration what changes no number of it"
        )
