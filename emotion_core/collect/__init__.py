"""Faces of one's own: gather, label, audit, improve a model with them, and prove that it got better."""
