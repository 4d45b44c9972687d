"""A model as a SavedModel."""
