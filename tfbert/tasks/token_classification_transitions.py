"""A chain of tags whose transitions are trained: its loss and its probabilities, in graph operations.

Shapes: W windows, S sequence, B texts, L words of the longest, C tags.
"""

import keras
import tensorflow as tf

from tfbert.tasks.token_classification_decoding import NEVER, best_tags, bio_constraint
from tfbert.tasks.token_classification_words import NO_TAG


@keras.saving.register_keras_serializable("tfbert")
class TagChainLoss(keras.losses.Loss):
    """The negative log likelihood of a window's tags among all rows of tags that BIO allows, a word's share of it.

    Targets are int [W, S], -100 at what is no word's first piece; outputs are `TagTransitions`', [W, C + S, C]. The
    mean over the windows is the mean over their words. Sources: Lafferty et al. 2001, Conditional Random Fields;
    Papay et al. 2022, Constraining Linear-chain CRFs to Regular Languages, for the rows that are left out.

    >>> loss = TagChainLoss(("O", "B-place", "I-place"))
    >>> float(loss([[-100, 1, 2]], tf.zeros([1, 3 + 3, 3])))  # one of 8 rows: I-place stands not behind O
    1.0397207736968994
    """

    def __init__(self, tags, *, reduction="sum_over_batch_size", name="tag_chain_loss", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.tags = tuple(tags)

    def call(self, target, outputs):
        target = tf.cast(target, tf.int32)
        transitions, logits = without_transitions(outputs)
        pairs = transitions + bio_constraint(self.tags)
        is_word = tf.not_equal(target, NO_TAG)
        others = tf.one_hot(tf.maximum(target, 0), len(self.tags), 0.0, NEVER)
        # The score of the one row of tags is the sum over all rows where the others never are.
        all_rows, one_row = tf.unstack(
            tf.reshape(
                _log_sum(tf.concat([logits, logits + others], 0), tf.tile(pairs, [2, 1, 1]), tf.tile(is_word, [2, 1])),
                [2, -1],
            )
        )
        words = tf.math.count_nonzero(is_word, dtype=logits.dtype)
        return (all_rows - one_row) * tf.math.divide_no_nan(tf.cast(tf.shape(logits)[0], logits.dtype), words)

    def get_config(self):
        return {**super().get_config(), "tags": list(self.tags)}


def without_transitions(outputs):
    """What `TagTransitions` has put together: transitions [W, C, C] and logits [W, S, C]."""
    tags = outputs.shape[-1]
    return outputs[:, :tags], outputs[:, tags:]


def _log_sum(logits, pairs, is_word):
    """The logarithm of the summed weights of all rows of tags, [W]; pairs [W, C, C]."""

    def step(state, place):
        total, begun = state
        scores, is_word = place
        behind = tf.where(begun, tf.reduce_logsumexp(total[:, :, None] + pairs, 1), 0.0) + scores
        return tf.where(is_word, behind, total), begun | is_word

    start = tf.zeros_like(logits[:, 0]), tf.zeros_like(is_word[:, :1])
    total, _ = tf.foldl(step, (tf.transpose(logits, [1, 0, 2]), tf.transpose(is_word)[:, :, None]), start)
    return tf.reduce_logsumexp(total, -1)


def probabilities_of_tags(logits, lengths, pairs, first):
    """How likely each tag is at each word, all rows of tags considered: float32 [B, L, C].

    Args:
        logits: float32 [B, L, C].
        lengths: int32 [B], words; what is behind them is of no account.
        pairs: [C, C], of each tag behind each; `first` [C], of the first word's tag.

    >>> probabilities_of_tags(tf.zeros([1, 2, 3]), tf.constant([2]), bio_constraint(("O", "B-x", "I-x")), tf.zeros(3))
    """
    by_word = tf.transpose(logits, [1, 0, 2])
    is_word = tf.expand_dims(tf.range(tf.shape(by_word)[0])[:, None] < lengths, 2)  # [L, B, 1]

    def forward(before, word):  # sums over a long text would lose digits: each is one of shares
        scores, is_word, is_first = word
        behind = _log_sum_exp(before[:, :, None] + tf.where(is_first, first[None], pairs), 1) + scores
        return tf.where(is_word, tf.nn.log_softmax(behind), before)

    def backward(behind, word):  # from the tag of a word to all that comes after it
        scores, is_word = word
        before = _log_sum_exp(pairs + (scores + behind)[:, None, :], 2)
        return tf.where(is_word, tf.nn.log_softmax(before), behind)

    nothing = tf.zeros_like(by_word[0])
    is_first = tf.equal(tf.range(tf.shape(by_word)[0]), 0)
    until = tf.scan(forward, (by_word, is_word, is_first), nothing)
    after = tf.scan(backward, (by_word, is_word), nothing, reverse=True)  # [L, B, C], of what is behind the word before
    after = tf.concat([after[1:], nothing[None]], 0)
    return tf.transpose(tf.nn.softmax(until + after), [1, 0, 2])


def _log_sum_exp(values, axis):
    """As `tf.reduce_logsumexp`, of finite values, without the operations that guard it against others."""
    most = tf.reduce_max(values, axis, keepdims=True)
    return tf.math.log(tf.reduce_sum(tf.exp(values - most), axis)) + tf.squeeze(most, axis)


def tags_of_words(logits, row, texts, names, transitions=None):
    """The best row of tags for each text, of those that BIO allows, and how likely each of them is.

    Args:
        logits: float32 [N, C], of words of the text `row` int [N].
        texts: how many there are.
        names: of the tags, O first.
        transitions: float32 [C, C], trained; a tag's probability is the word's own where None.

    Returns: int32 [N], float32 [N].
    """
    constraint = tf.constant(bio_constraint(names))
    pairs, first = constraint if transitions is None else transitions + constraint, constraint[0]
    log_probabilities = tf.nn.log_softmax(logits)
    ragged = tf.RaggedTensor.from_value_rowids(log_probabilities, row, tf.cast(texts, row.dtype), validate=False)
    lengths = tf.cast(ragged.row_lengths(), tf.int32)
    # A word more than there are: a batch without words has one place, too.
    dense = tf.pad(ragged.to_tensor(), [[0, 0], [0, 1], [0, 0]])
    dense = tf.ensure_shape(dense, [None, None, logits.shape[-1]])
    is_word = tf.sequence_mask(lengths, tf.shape(dense)[1])
    tags = tf.boolean_mask(best_tags(dense, lengths, pairs, first), is_word)
    if transitions is None:
        probabilities = tf.exp(log_probabilities)
    else:
        probabilities = tf.boolean_mask(probabilities_of_tags(dense, lengths, pairs, first), is_word)
    return tags, tf.gather(probabilities, tags, batch_dims=1)
