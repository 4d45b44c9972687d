"""Trained scores of one tag behind another. W windows, S sequence, C tags."""

import keras
from keras import ops

# Adam moves a weight by about the learning rate a step. At BERT's rates a score that begins at 0 would stay there.
_SCALE = 100.0


@keras.saving.register_keras_serializable("tfbert")
class TagTransitions(keras.layers.Layer):
    """Logits [W, S, C] -> [W, C + S, C]: before the logits stands, as row i, the score of each tag behind tag i.

    So they go wherever the logits go: into the loss, the answer, and files for other runtimes. The scores are a
    hundred times the weight, which therefore learns a hundred times as fast as the others. Source: Lample et al. 2016,
    Neural Architectures for Named Entity Recognition, section 2.2, without scores of the first and last tag.

    >>> TagTransitions()(keras.ops.ones((2, 7, 5))).shape
    TensorShape([2, 12, 5])
    """

    def build(self, shape):
        self.transitions = self.add_weight(name="transitions", shape=(shape[-1], shape[-1]), initializer="zeros")

    def call(self, logits):
        scores = ops.expand_dims(self.transitions * _SCALE, 0)
        return ops.concatenate([ops.repeat(scores, ops.shape(logits)[0], axis=0), logits], axis=1)

    def scores(self):
        """float32 [C, C], for writers of other formats."""
        return self.transitions.numpy() * _SCALE

    def compute_output_shape(self, shape):
        return (shape[0], None if shape[1] is None else shape[1] + shape[2], shape[2])


def without_transitions(outputs):
    """What `TagTransitions` has put together: transitions [W, C, C] and logits [W, S, C]."""
    tags = outputs.shape[-1]
    return outputs[:, :tags], outputs[:, tags:]
