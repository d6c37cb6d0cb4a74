"""Faces made by a small network, for classes of which a data set has few: an experiment.

``settings``, ``networks``, ``differentiable`` and ``loop`` train a class-conditional GAN; ``folder``
and ``jobs`` keep it and run it in the background; ``sample`` draws from it, ``quality`` measures what
it draws, and ``keep`` stores what may be trained on as a collection that is marked *generated*.
"""
