"""The task `question_answering`."""
