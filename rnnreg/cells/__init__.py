"""One recurrent cell a file; the file's name is the cell's name everywhere."""

from rnnreg.cells.base import Cell, State

__all__ = ["Cell", "State"]
