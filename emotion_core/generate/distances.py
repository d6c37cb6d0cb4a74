"""How far two sets of faces are apart, and how near each face of one is to the other.

All of it is computed from features ``(n, D)``: what they are of, the caller says.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import mannwhitneyu

_BLOCK = 1024


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """FID's distance of two normal distributions (Heusel et al. 2017), 0 for equal ones.

    It is biased upwards for few rows, so only sets of equal size are comparable.

    Args:
        first: ``(n, D)``, n at least 2.
        second: ``(m, D)``.
    """
    means = [rows.mean(0, dtype=np.float64) for rows in (first, second)]
    spreads = [
        np.atleast_2d(np.cov(rows, rowvar=False, dtype=np.float64)) for rows in (first, second)
    ]
    # tr((AB)^1/2) = tr((A^1/2 B A^1/2)^1/2), whose matrix is symmetric.
    values, axes = np.linalg.eigh(spreads[0])
    root = (axes * np.sqrt(values.clip(0))) @ axes.T
    mixed = np.linalg.eigvalsh(root @ spreads[1] @ root)
    apart = ((means[0] - means[1]) ** 2).sum()
    traces = np.trace(spreads[0]) + np.trace(spreads[1]) - 2 * np.sqrt(mixed.clip(0)).sum()
    return float(max(apart + traces, 0.0))


def kernel_distance(
    first: np.ndarray, second: np.ndarray, *, blocks: int = 50, size: int = 500, seed: int = 0
) -> tuple[float, float]:
    """KID (Binkowski et al. 2018): unbiased squared MMD with a cubic kernel, over drawn blocks.

    Args:
        first: ``(n, D)``, n at least 2.
        second: ``(m, D)``.
        blocks: How many pairs of subsets are drawn.
        size: Rows of each; fewer where there are fewer.
        seed: Of the draws.

    Returns:
        Mean and standard deviation over the blocks. The mean may be below 0: it is unbiased.
    """
    rng = np.random.default_rng(seed)
    size = min(size, len(first), len(second))
    found = []
    for _ in range(blocks):
        x = first[rng.choice(len(first), size, replace=False)].astype(np.float64)
        y = second[rng.choice(len(second), size, replace=False)].astype(np.float64)
        within = (_cubic(x, x), _cubic(y, y))
        pairs = sum((k.sum() - np.trace(k)) / (size * (size - 1)) for k in within)
        found.append(pairs - 2 * _cubic(x, y).mean())
    return float(np.mean(found)), float(np.std(found))


def nearest(rows: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row the most alike of the known ones.

    Args:
        rows: ``(n, D)`` of length 1.
        known: ``(m, D)`` of length 1.

    Returns:
        Position ``(n,)`` int64 and likeness ``(n,)``, the product, -1..1.
    """
    places, likeness = [], []
    for start in range(0, len(rows), _BLOCK):
        products = rows[start : start + _BLOCK] @ known.T
        places.append(products.argmax(1))
        likeness.append(products.max(1))
    return np.concatenate(places), np.concatenate(likeness)


@dataclass(frozen=True)
class Copying:
    """Whether samples are nearer to the training faces than unseen faces are (Meehan et al. 2020).

    Attributes:
        nearer: Chance that a sample is nearer than an unseen face; 0.5 where neither is.
        p_value: Of the hypothesis that samples are not nearer (Mann-Whitney, one-sided).
    """

    nearer: float
    p_value: float


def copying(samples: np.ndarray, unseen: np.ndarray) -> Copying:
    """Compare two sets by how like their nearest training faces are.

    Args:
        samples: ``(n,)`` likeness of each sample to its nearest training face.
        unseen: ``(m,)`` the same of real faces that were not learned.
    """
    test = mannwhitneyu(samples, unseen, alternative="greater")
    return Copying(float(test.statistic / (len(samples) * len(unseen))), float(test.pvalue))


def _cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    kernel: np.ndarray = (x @ y.T / x.shape[1] + 1) ** 3
    return kernel
