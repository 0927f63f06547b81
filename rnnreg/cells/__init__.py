"""One recurrent cell a file; the file's name is the cell's name everywhere."""
