"""How the tags of a file are written: BIO and its like in any spelling, brackets, or bare labels."""

from __future__ import annotations

import collections
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

LABEL_OF_BARE = "entity"  # of tags that name no label, such as B and I
_PREFIXES = set("BIMESLU")
_STANDARD = re.compile(r"([BIMESLU])-(.+)", re.DOTALL)
# Spellings from the likeliest: (prefix, label) of a tag, in groups of these names.
_SPELLINGS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"(?P<prefix>[BIMESLU])-(?P<label>.+)",
        r"(?P<prefix>[BIMESLU])_(?P<label>.+)",
        r"(?P<prefix>[bimeslu])-(?P<label>.+)",
        r"(?P<prefix>[bimeslu])_(?P<label>.+)",
        r"(?P<label>.+)-(?P<prefix>[BIMESLU])",
        r"(?P<label>.+)_(?P<prefix>[BIMESLU])",
        r"(?P<label>.+)-(?P<prefix>[bimeslu])",
        r"(?P<label>.+)_(?P<prefix>[bimeslu])",
        r"(?P<prefix>[BIMESLU])-?(?P<label>)",
    )
)
_BRACKETS = re.compile(r"(?P<opening>\((?P<label>[^()*]+))?\*?(?P<closing>\))?", re.DOTALL)
_OTHER_OUTSIDES = ("o", "0", "_", "-X-")  # what stands for O where tags have prefixes


class Scheme(NamedTuple):
    """What the tags of a file mean.

    prefixes: {tag: (its prefix, upper case, and its label)}; () as a prefix pair for none.
    bare: the tags that are labels themselves.
    outside: the tags that stand for O.
    strange: the tags that do not fit the others.
    said: what is recognised, where it is not the usual spelling; "" where it is.
    """

    prefixes: Mapping[str, tuple[str, str]]
    bare: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset({"O"})
    strange: frozenset[str] = frozenset()
    brackets: bool = False
    said: str = ""


def scheme_of(counts: Mapping[str, int], labels: Collection[str] = ()) -> Scheme:
    """The scheme of a file's tags: the spelling that all of them have, or else most.

    Args:
        counts: {tag: how often it occurs}.
        labels: those that are known, which a spelling should give.

    >>> scheme = scheme_of({"O": 3, "B_per": 1, "I_per": 1})
    >>> scheme.prefixes, scheme.said
    ({'B_per': ('B', 'per'), 'I_per': ('I', 'per')}, "tags such as 'B_per', which is read as 'B-per'")
    """
    tags = collections.Counter(counts)
    del tags["O"]
    if any(tag[:1] in "(*" for tag in tags) and all(tag and _BRACKETS.fullmatch(tag) for tag in tags):
        return Scheme({}, brackets=True, said="tags in brackets, such as '(x*', which is read as 'B-x'")
    others = {tag for tag in _OTHER_OUTSIDES if tag in tags}
    found = _prefixed(collections.Counter({tag: n for tag, n in tags.items() if tag not in others}), labels)
    if found is None:  # bare labels
        others &= {"o", "0"} if "O" not in counts and not _are_numbers(tags) else {"o"}
        said = f"{_quoted(others)} for O" if others else ""
        return Scheme({}, bare=frozenset(tags) - others, outside=frozenset({"O", *others}), said=said)
    strange = frozenset(tags) - found.keys() - others
    if "_" in others and "O" in counts:  # two ways to say the same would be strange
        others.discard("_")
        strange |= {"_"}
    example = min(found)
    prefix, label = found[example]
    notes = []
    if not _STANDARD.fullmatch(example):
        notes.append(f"tags such as {example!r}, which is read as '{prefix}-{label}'")
    if others:
        notes.append(f"{_quoted(others)} for O")
    return Scheme(found, outside=frozenset({"O", *others}), strange=strange, said=" and ".join(notes))


def _prefixed(tags: collections.Counter[str], labels: Collection[str]) -> dict[str, tuple[str, str]] | None:
    """{tag: (prefix, label)} in the spelling that most tags have; None where they are bare labels."""
    if not tags or (labels and all(tag in labels for tag in tags)):
        return None
    best, best_score = None, (0, 0)
    for spelling in _SPELLINGS:
        parts = {tag: match for tag in tags if (match := spelling.fullmatch(tag))}
        found = {tag: (match["prefix"].upper(), match["label"] or LABEL_OF_BARE) for tag, match in parts.items()}
        known = sum(tags[tag] for tag, (_, label) in found.items() if label in labels)
        score = (known, sum(tags[tag] for tag in found))
        if found and score > best_score and (spelling is _SPELLINGS[0] or _is_evident(spelling, tags, found, labels)):
            best, best_score = found, score
    return best


def _is_evident(
    spelling: re.Pattern[str],
    tags: collections.Counter[str],
    found: Mapping[str, tuple[str, str]],
    labels: Collection[str],
) -> bool:
    """Whether an unusual spelling is no chance, as in the bare labels e_mail and s_name."""
    if len(found) * 2 < len(tags):
        return False
    if labels and all(label in labels for _, label in found.values()):
        return True
    by_label = collections.defaultdict(set)
    for prefix, label in found.values():
        by_label[label].add(prefix)
    prefixes = set().union(*by_label.values())
    if prefixes == {"I"}:  # IO
        return len(by_label) > 1
    return bool(prefixes & {"B", "I"}) and (
        any(len(some) > 1 for some in by_label.values())
        or (spelling.groupindex["prefix"] == 1 and prefixes <= {"B", "I"} and "B" in prefixes)
    )


def bracketed(tags: list[str]) -> list[str] | int:
    """Tags in brackets as BIO; or the word at which they do not fit.

    >>> bracketed(["(ORG*", "*)", "*", "(GPE)"])
    ['B-ORG', 'I-ORG', 'O', 'B-GPE']
    """
    found: list[str] = []
    opened = None
    for i, tag in enumerate(tags):
        match = _BRACKETS.fullmatch("*" if tag == "O" else tag)
        if match is None or (match["opening"] and opened) or (match["closing"] and not match["opening"] and not opened):
            return i
        if match["opening"]:
            opened = match["label"]
            found.append(f"B-{opened}")
        else:
            found.append("O" if opened is None else f"I-{opened}")
        if match["closing"]:
            opened = None
    return len(tags) - 1 if opened is not None else found


def _are_numbers(tags: Collection[str]) -> bool:
    return all(tag.isdecimal() for tag in tags)


def _quoted(tags: Collection[str]) -> str:
    return " and ".join(map(repr, sorted(tags)))
