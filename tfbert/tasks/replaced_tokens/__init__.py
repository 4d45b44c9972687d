"""The task `replaced_tokens`."""
