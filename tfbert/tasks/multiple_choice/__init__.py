"""The task `multiple_choice`."""
