"""The one number that stands for "no score": of a padded key, a token that is no answer, a choice that is not there."""

from __future__ import annotations

from typing import Any

# Finite, so that sums and differences stay numbers, and far below any network's own scores. In float32 exp of it is
# exactly 0.
MASKED = -1e9

_LIMIT = -1e8  # a score near MASKED has been added to it


def is_masked(scores: Any) -> Any:
    """Whether scores, an array or tensor of any shape, are MASKED, or MASKED with a score added: bool.

    >>> is_masked(np.float32([1.5, MASKED + 3])).tolist()
    [False, True]
    """
    return scores <= _LIMIT
