"""Raw text -> masked rows of tokens."""
