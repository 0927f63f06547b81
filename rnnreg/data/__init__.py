"""From raw files to prepared splits: what a benchmark is; reading, cutting, checking its data."""
