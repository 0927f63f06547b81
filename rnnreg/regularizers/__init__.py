"""One regularizer a file; the file's name is the regularizer's name everywhere."""
