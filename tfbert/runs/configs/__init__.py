"""The typed configurations of runs."""
