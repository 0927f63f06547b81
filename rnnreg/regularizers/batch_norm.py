"""Batch normalisation inside the recurrence."""

from rnnreg.regularizers import Regularizer


class BatchNorm(Regularizer):
    """Normalises each unit of the input product, the recurrent product and c over a batch.

    Means and variances are those of a time step, over the sequences that have it. Gains start from
    0.1; the shift of a product is the layer's own bias. Evaluation takes running means and
    variances, a member's own: each step its own up to the last one that has any. No strength is
    none: the network is another one.

    Suits an LSTM that learns slowly: in classification of sequences, language modelling and
    question answering the paper's converge sooner, and generalise better.

    >>> from rnnreg.cells.lstm import LSTM
    >>> from rnnreg.network import Network
    >>> network = BatchNorm.network(Network(LSTM, inputs=2, outputs=1, hidden=5))
    >>> network.own["0.recurrent_gain"], network.own["0.cell_bias"]
    (((20,), 0.1), ((5,), 0.0))
    """

    title = "batch normalisation"
    group = "normalisation"
    # Unlike the paper, statistics for evaluation are running averages, not means over train.
    source = (
        "Cooijmans, Ballas, Laurent, Gulcehre and Courville 2017, Recurrent Batch Normalization, "
        "ICLR (arXiv:1603.09025), equations 5 to 8; gains as in section 4"
    )
    strengths = (1.0,)
    range = (1.0, 1.0)

    @classmethod
    def network(cls, network):
        """y = gain x (z - mean) / sqrt(variance + 1e-5), over a batch, of a product z, or of c."""
        return network.normalised("batch", gain=0.1)
