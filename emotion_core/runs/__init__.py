"""Run folders: each training run's settings, curves, results and weights."""
