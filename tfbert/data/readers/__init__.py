"""Published file formats -> rows."""
