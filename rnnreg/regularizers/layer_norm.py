"""Layer normalisation of the pre-activations inside the recurrence."""

from rnnreg.regularizers import Regularizer


class LayerNorm(Regularizer):
    """Normalises the input product, the recurrent product and c over the units of a layer.

    Each has a gain of its own, which starts from 1, at each step of each sequence; what h of a
    cell with a c reads of it has a bias too. Units are those of the gates that the cell takes
    together: of all four of an LSTM, say. Nothing differs in evaluation, and no strength is none:
    the network is another one.

    Suits recurrent networks that learn slowly, whatever the size of a batch: the paper's hidden
    states are more stable, and training takes less time.

    >>> from rnnreg.cells.gru import GRU
    >>> from rnnreg.network import Network
    >>> network = LayerNorm.network(Network(GRU, inputs=2, outputs=1, hidden=5))
    >>> network.norm, network.own["0.input_gain"]
    ('layer', ((15,), 1.0))
    """

    title = "layer normalisation"
    group = "normalisation"
    # Unlike the paper, whose equation 4 sums the two products of an Elman cell and normalises the
    # sum, each product is normalised by itself, as the paper does for an LSTM and a GRU.
    source = (
        "Ba, Kiros and Hinton 2016, Layer Normalization (arXiv:1607.06450), equations 20 to 22 for "
        "an LSTM, 26 to 28 for a GRU"
    )
    strengths = (1.0,)
    range = (1.0, 1.0)

    @classmethod
    def network(cls, network):
        """y = gain x (z - mean) / sqrt(variance + 1e-5), over the units of a product z, or of c."""
        return network.normalised("layer", gain=1.0)
