"""Runtimes beside TensorFlow that run the network of an export, imported without it."""
