"""The absl programs behind `tfbert VERB`."""
