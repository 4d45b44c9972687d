"""Models and versions that a server has loaded."""
