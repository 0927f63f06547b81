"""From results to tables of numbers."""
