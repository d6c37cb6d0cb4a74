"""Measurements of speed, memory and structure; outside the package and outside its wheel."""
