"""The regularizers of AWD-LSTM together."""

from rnnreg.regularizers import Combination


class AWD(Combination):
    """Weight drop, locked and embedding dropout, AR, TAR and triggered averaging.

    At strength 1 each part has the strength that it has on the Penn Treebank. Rates and penalties
    are multiplied by the strength; how many checks averaging looks back is divided by it.

    Suits language models of words: the paper's AWD-LSTM, the best language model of its time on the
    Penn Treebank, has all of them.

    >>> import torch
    >>> [round(part.strength.item(), 2) for part in AWD(torch.tensor([0.5])).parts]
    [0.05, 0.2, 0.25, 1.0, 0.5, 10.0]
    """

    title = "AWD"
    group = "combinations"
    # Unlike the authors' code, locked dropout has one rate, 0.4, which is theirs for inputs and
    # outputs (between layers it is 0.25), and network, optimizer and clipping are the benchmark's:
    # matrices are not tied, and steps need not be those of SGD, clipped at 0.25. Weight decay of
    # 1.2e-6 and windows of random length, with rates that follow it, are left out.
    source = (
        "Merity, Keskar and Socher 2018, Regularizing and Optimizing LSTM Language Models, ICLR "
        "(arXiv:1708.02182), sections 2 to 4; rates of github.com/salesforce/awd-lstm-lm, README"
    )
    ratios = {
        "embedding_dropout": 0.1,
        "locked_dropout": 0.4,
        "weight_drop": 0.5,
        "activation_regularization": 2.0,
        "temporal_activation_regularization": 1.0,
        "nt_asgd": 5.0,
    }
    strengths = (0.1, 0.25, 0.5, 1.0, 1.5)
    range = (0.0, 1.9)
