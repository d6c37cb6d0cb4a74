"""Tools of research and release: outside the package and outside its wheel."""
