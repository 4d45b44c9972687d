"""Labels of relations: the relation and its direction in one name, also of labels that training never had."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

NO_RELATION = ("Other", "no_relation")  # SemEval's and TACRED's names; they count as the absence of an answer
_DIRECTED = re.compile(r"(.*)\((e1,e2|e2,e1)\)", re.S)


def relation_and_direction(label: str) -> tuple[str, str]:
    """A label in its two parts; the direction is "" where it has none.

    >>> relation_and_direction("Cause-Effect(e2,e1)")
    ('Cause-Effect', 'e2,e1')
    """
    found = _DIRECTED.fullmatch(label)
    return (found[1], found[2]) if found else (label, "")


def relations_of(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The relations of labels [L], sorted, and the number of each label's relation, int [L]."""
    relations, numbers = np.unique([relation_and_direction(name)[0] for name in labels], return_inverse=True)
    return relations, numbers


def numbers_of_unknown(labels: Sequence[str], names: Sequence[str]) -> list[int]:
    """The numbers of labels that are none of `labels` [L]: -2 - r of relation r, -1 of one that means no relation.

    Relations are those of `labels`, sorted, and then those of `names`.

    >>> numbers_of_unknown(("Other", "Cause-Effect(e1,e2)"), ["Cause-Effect(e2,e1)", "Part-Whole", "no_relation"])
    [-2, -4, -1]
    """
    relations = {str(relation): i for i, relation in enumerate(relations_of(labels)[0])}
    numbers = []
    for name in names:
        relation, _ = relation_and_direction(name)
        number = relations.setdefault(relation, len(relations)) if relation not in NO_RELATION else -1
        numbers.append(-2 - number if number >= 0 else -1)
    return numbers
