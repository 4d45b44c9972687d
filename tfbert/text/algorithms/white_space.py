"""Unicode's White_Space in regular expressions: RE2's own class of it has ASCII's alone."""

# within brackets
SPACE = r"\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
