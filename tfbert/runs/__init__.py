"""What a command does around `fit`: configs, the run folder, its state, logs and report."""
