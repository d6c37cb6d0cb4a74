"""Figures of a comparison, each with its reading (one sentence computed from the numbers) and data."""
