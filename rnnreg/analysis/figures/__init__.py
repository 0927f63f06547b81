"""One function a figure, and how all of them look."""
