"""One regularizer a file; the file's name is the regularizer's name everywhere."""

from rnnreg.regularizers.base import Regularizer, matrices, norms, spread

__all__ = ["Regularizer", "matrices", "norms", "spread"]
