"""A model behind an HTTP interface: pictures in, named faces out, nothing kept."""
