"""Batch normalisation of the input product alone."""

from rnnreg.regularizers import Regularizer


class BatchNormInput(Regularizer):
    """Normalises each unit of a layer's input product over the sequences and steps of a batch.

    The gain starts from 1; the layer's own bias is the shift. The recurrent product is left alone.
    Evaluation takes running means and variances, a member's own. No strength is none: the network
    is another one.

    Suits training that is to be faster: the paper's training losses fall sooner in speech
    recognition and language modelling, and its networks generalise no better.

    >>> from rnnreg.cells.gru import GRU
    >>> from rnnreg.network import Network
    >>> network = BatchNormInput.network(Network(GRU, inputs=2, outputs=1, hidden=5))
    >>> network.statistics()  # of one step for all, mean and variance
    {'0.statistics': (1, 2, 15)}
    """

    title = "batch norm. (input)"
    group = "normalisation"
    source = (
        "Laurent, Pereyra, Brakel, Zhang and Bengio 2016, Batch Normalized Recurrent Neural "
        "Networks, ICASSP (arXiv:1510.01378): the input product, sequence-wise"
    )
    strengths = (1.0,)
    range = (1.0, 1.0)

    @classmethod
    def network(cls, network):
        """y = gain x (W x - mean) / sqrt(variance + 1e-5) + bias, over sequences and steps."""
        return network.normalised("sequence", gain=1.0)
