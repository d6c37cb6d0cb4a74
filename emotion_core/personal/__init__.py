"""For one person alone: a diary of their own expressions, and a model that knows their face."""
