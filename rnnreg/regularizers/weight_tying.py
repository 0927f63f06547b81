"""One matrix for the embedding and the output."""

from dataclasses import replace

from rnnreg.regularizers import Regularizer
from rnnreg.tasks import LanguageModel


class WeightTying(Regularizer):
    """The output matrix is the embedding: a symbol's score is its embedding times h, plus a bias.

    The one matrix has the initial values of the embedding, and gets the gradients of both. No
    strength is none: the network is another one. Penalties on matrices do not see it.

    Suits language models of words: the papers' have fewer parameters and lower perplexities.

    >>> from rnnreg.cells.gru import GRU
    >>> from rnnreg.network import Network
    >>> plain = Network(GRU, 50, 50, hidden=8, embedding=8, symbols=True)
    >>> sorted(plain.shapes().keys() - WeightTying.network(plain).shapes().keys())
    ['output']
    """

    title = "weight tying"
    group = "weights"
    # Unlike Inan et al., the loss is that of the targets alone: their augmented loss, which draws
    # predictions to symbols with similar embeddings, is left out.
    source = (
        "Press and Wolf 2017, Using the Output Embedding to Improve Language Models, EACL "
        "(arXiv:1608.05859); Inan, Khosravi and Socher 2017, Tying Word Vectors and Word "
        "Classifiers, ICLR (arXiv:1611.01462), section 4"
    )
    strengths = (1.0,)
    range = (1.0, 1.0)

    @classmethod
    def suits(cls, network, task):
        if not isinstance(task, LanguageModel):
            return "it needs outputs that are the symbols of its inputs"
        if network.embedding != network.hidden:
            return (
                f"the embedding has another width than the output matrix: {network.embedding}, "
                f"not {network.hidden}"
            )
        return ""

    @classmethod
    def network(cls, network):
        """output = h x embedding' + bias."""
        return replace(network, tied=True)
