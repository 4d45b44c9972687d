"""Two layers, whose weights a file format may mix up."""

import tiny

tiny_config, tiny_checkpoint = tiny.fixtures(layers=2)
