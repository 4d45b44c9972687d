"""Added tokens that are two spaces, three, and so on, as vocabularies for source code have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tfbert.text.special_tokens import AddedToken


def runs_of(tokens: Sequence[AddedToken], normalized: Callable[[str], str]) -> dict[int, AddedToken]:
    """Returns {a number of spaces: the token that so many are}, from 2 on without a gap, where they may be words.

    They may where nothing else can take a space of theirs. There, a run of spaces is cut into the longest of them, from
    its left. Elsewhere there are none.

    Args:
        tokens: those that are found in normalized text.
        normalized: normalizes the text of a token.

    >>> two, three = (AddedToken(" " * length, normalized=True) for length in (2, 3))
    >>> list(runs_of([three, AddedToken("x", normalized=True), two], str)), runs_of([three], str)
    ([2, 3], {})
    """
    found = {len(token.content): token for token in tokens if not token.content.strip(" ")}
    others = [token for token in tokens if token.content.strip(" ")]
    if (
        set(found) != set(range(2, 2 + len(found)))
        or any(normalized(token.content) != token.content for token in found.values())
        or any(normalized(token.content).startswith(" ") for token in others)
        or any(token.lstrip or token.rstrip for token in tokens)
    ):
        return {}
    return dict(sorted(found.items()))
