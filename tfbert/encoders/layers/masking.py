"""The one number for "no score": of a padded key, of a token that cannot be in an answer, of an absent choice."""

from __future__ import annotations

from typing import Any

# Finite, so that sums and differences are finite too, and far below the scores of any network. Its exp is exactly 0 in
# float32.
MASKED = -1e9

_LIMIT = -1e8  # MASKED plus any network's score is below it


def is_masked(scores: Any) -> Any:
    """Whether each score of an array or tensor is MASKED, or MASKED plus a network's score: bool of the same shape.

    >>> is_masked(np.float32([1.5, MASKED + 3])).tolist()
    [False, True]
    """
    return scores <= _LIMIT
