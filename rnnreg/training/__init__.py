"""From a row to its records: the model, the population that trains, the protocol."""
