"""Recurrent layers for a model of one's own: torch.nn's, with regularizers inside."""

from rnnreg.nn.modules import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN"]
