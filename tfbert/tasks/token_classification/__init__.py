"""The task `token_classification`."""
