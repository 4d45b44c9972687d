"""The task `sentence_embedding`."""
