"""The stages of a tokenizer, from its settings."""

from tfbert.text import characters
from tfbert.text.literals import Literals
from tfbert.text.wordpiece import Normalized, WordPiece


def stages(tokenizer):
    """Returns the first stage of a Tokenizer, (texts [B], places) -> Pieces.

    Texts are split at special and added tokens, then normalized, then become WordPiece tokens. Where added tokens
    are to be found in normalized text, that text exists as such: it is split once more before words are set apart.
    """
    vocabulary, special, chinese = tokenizer.vocabulary, tokenizer.special_tokens, tokenizer.tokenize_chinese_chars
    accents = tokenizer.lower_case if tokenizer.strip_accents is None else tokenizer.strip_accents
    rules = (bool(tokenizer.lower_case), bool(accents), bool(chinese))
    added = {token.content: token for token in tokenizer.added_tokens}
    verbatim = dict.fromkeys(special.in_vocabulary(vocabulary))
    verbatim.update(dict.fromkeys(content for content, token in added.items() if not token.normalized))
    normalized = [content for content, token in added.items() if token.normalized and content not in verbatim]

    words = WordPiece(vocabulary, special.unknown, bool(chinese), tokenizer.portable)
    if normalized:
        by_character = characters.bert_normalizer(*rules)
        ids = {content.translate(by_character): vocabulary[content] for content in normalized}
        ids.pop("", None)  # nothing is left of it to be found
        inner = Normalized(characters.set_apart({}, bool(chinese)), words)
        stage = Normalized(by_character, Literals(ids, inner, tokenizer.portable) if ids else inner)
    else:
        stage = Normalized(characters.end_to_end_normalizer(*rules), words)
    return Literals({content: vocabulary[content] for content in verbatim}, stage, tokenizer.portable)
