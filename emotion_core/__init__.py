"""Facial-expression classification: data, models, training, evaluation and live inference."""

__version__ = "0.1.0"
