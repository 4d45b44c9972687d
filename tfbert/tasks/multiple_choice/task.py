"""Multiple choice: which of several texts goes with a prompt.

Shapes: B batch, C choices of the batch's row with the most, W = B x C pairs of a prompt and a choice, S sequence.
"""

import dataclasses

import keras
import tensorflow as tf

from tfbert.encoders.layers.dropout import Dropout
from tfbert.errors import ConfigError
from tfbert.tasks.multiple_choice import examples as multiple_choice_examples
from tfbert.tasks.multiple_choice import metrics as multiple_choice_metrics
from tfbert.tasks.multiple_choice.loss import MultipleChoiceLoss
from tfbert.tasks.task import Task, check_settings
from tfbert.text import Tokenizer

NO_CHOICE = -1e9  # logit where a row has no such choice; exp of it is exactly 0 in float32


@dataclasses.dataclass(frozen=True)
class MultipleChoiceTask(Task):
    """A prompt and two or more choices, of which one is right: the end of a story, the answer to a question.

    Each pair of the prompt and a choice gets a logit from the pooled output, as in Hugging Face's
    BertForMultipleChoice; a softmax over a row's choices makes them probabilities. Rows may have different numbers
    of choices; those with fewer are filled up with "", which is no choice. Outputs are logits [W, 1], those of a row
    one after the other. Source: Devlin et al. 2018, section 4.4.

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        max_length: tokens kept of a prompt with one choice, specials included; the longer text loses first.
        first_label: the number that labels give the first choice; 1 where they count from 1.
        columns: the table's names for prompt, choices and label where they differ from these words. For choices it
            is the column of their lists, or what the names of several columns begin with: "ending" for ending0,
            ending1, … (or from 1, or endingA, …).

    >>> task = MultipleChoiceTask(tokenizer, columns={"choices": "ending"})
    """

    tokenizer: Tokenizer
    max_length: int = 128
    first_label: int = 0
    columns: dict = dataclasses.field(default_factory=dict)

    name = "multiple_choice"
    architecture = "BertForMultipleChoice"
    has_several_texts = True
    head_names = ("classifier",)

    def __post_init__(self):
        unknown = sorted(self.columns.keys() - set(multiple_choice_examples.PARTS))
        if unknown:
            raise ConfigError(f"multiple choice has the columns prompt, choices and label, but no {', '.join(unknown)}")

    # 1 example
    @classmethod
    def settings_for(cls, table, **settings):
        """The settings as given; a table asks for none."""
        check_settings(cls, settings)
        return settings

    def examples(self, table, *, labelled=True, training=False):
        return multiple_choice_examples.read(self, table, labelled=labelled, training=training)

    # 2 features
    @property
    def signatures(self):
        return {
            "serving_default": {
                "prompt": tf.TensorSpec([None], tf.string),
                "choices": tf.TensorSpec([None, None], tf.string),  # filled up with "" at the end
            }
        }

    def features(self, example):
        """All pairs of all rows, those of a row one after the other; without a token where there is no choice."""
        choices = _dense(example["choices"])
        count = tf.shape(choices)[1]
        given = tf.not_equal(choices, "")
        prompts = tf.repeat(tf.convert_to_tensor(example["prompt"], tf.string), count)
        prompts = tf.where(given, tf.reshape(prompts, tf.shape(choices)), "")
        prompts, pairs = (tf.reshape(texts, [-1]) for texts in (prompts, choices))
        features = self.tokenizer(prompts, pairs, max_length=self.max_length)
        features["padding_mask"] *= tf.reshape(tf.cast(given, tf.int32), [-1, 1])
        return {**features, "rows": tf.repeat(tf.range(tf.shape(choices)[0]), count)}

    def target(self, example, features):
        """Of each pair's row the number of the right choice, and C: int32 [W, 2]."""
        count = tf.shape(_dense(example["choices"]))[1]
        label = tf.gather(tf.cast(example["label"], tf.int32), features["rows"])
        return tf.stack([label, tf.fill(tf.shape(label), count)], axis=1)

    # 3 head
    def head(self, encoder):
        config, inputs = encoder.config, self.encoder_inputs()
        dropout = config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
        pooled = Dropout(dropout, name="classifier_dropout")(encoder(inputs)["pooled_output"])
        logits = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=config.initializer_range),
            dtype="float32",  # losses and probabilities of half-precision logits lose digits
            name="classifier",
        )(pooled)
        given = keras.ops.any(inputs["padding_mask"], axis=1, keepdims=True)
        return keras.Model(inputs, keras.ops.where(given, logits, NO_CHOICE), name="multiple_choice")

    # 4 loss and metrics
    def loss(self):
        return MultipleChoiceLoss()

    def metrics(self, examples, answers):
        return multiple_choice_metrics.metrics(examples, answers)

    def evaluation(self, examples, answers, *, token_lengths, data):
        return multiple_choice_metrics.evaluation(examples, answers, token_lengths=token_lengths, data=data)

    # 5 answer
    def answer(self, example, features, outputs):
        choices = _dense(example["choices"])
        logits = tf.reshape(outputs, tf.shape(choices))  # [B, C]
        given = tf.not_equal(choices, "")
        best = tf.argmax(logits, axis=1, output_type=tf.int32)
        any_given = tf.reduce_any(given, axis=1)
        return {
            "choice": tf.where(any_given, best, -1),
            "text": tf.where(any_given, tf.gather(choices, best, batch_dims=1), ""),
            "probabilities": tf.where(given, tf.nn.softmax(logits), 0.0),
            "logits": logits,
        }

    def readable(self, answer):
        rows = []
        columns = (answer[name] for name in ("choice", "text", "probabilities", "logits"))
        for choice, text, probabilities, logits in zip(*columns, strict=True):
            given = (logits > NO_CHOICE).nonzero()[0]
            rows.append(
                {
                    "choice": int(choice),
                    "text": text.decode("utf-8", "replace"),
                    "score": float(probabilities[choice]) if len(given) else 0.0,
                    "probabilities": probabilities[: given[-1] + 1].tolist() if len(given) else [],
                }
            )
        return rows


def _dense(choices):
    """Choices as a dense tensor [B, C], filled up with ""; C is at least 1, so that each row has a largest logit."""
    if isinstance(choices, tf.RaggedTensor):
        choices = choices.to_tensor("")
    choices = tf.convert_to_tensor(choices, tf.string)
    rows, count = tf.unstack(tf.shape(choices))
    return tf.concat([choices, tf.fill([rows, tf.maximum(1 - count, 0)], "")], axis=1)
