"""A trained model in a file, and what it says of new data."""
