"""Algorithms of tokenization, in graph operations."""
