"""One regularizer a file; the file's name is the regularizer's name everywhere."""

from rnnreg.regularizers._combination import Chain, Combination
from rnnreg.regularizers.base import Regularizer, is_matrix, matrices, norms, spread

__all__ = ["Chain", "Combination", "Regularizer", "is_matrix", "matrices", "norms", "spread"]
