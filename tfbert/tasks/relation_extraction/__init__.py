"""The task `relation_extraction`."""
