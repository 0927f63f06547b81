"""An L2 penalty, clipped gradients and early stopping together."""

from rnnreg.regularizers import Combination


class L2ClipStopping(Combination):
    """L2 of 1e-5, a clipped norm of 1 and a patience of 5 checks at strength 1.

    The penalty is multiplied by the strength; norm and patience are divided by it.

    Suits a first try, before anything is searched: all parts are weak.

    >>> import torch
    >>> [part.strength for part in L2ClipStopping(torch.tensor([2.0])).parts]
    [tensor([2.0000e-05]), tensor([0.5000]), tensor([2.5000])]
    """

    title = "L2 + clipping + stopping"
    group = "combinations"
    source = (
        "a recipe of tutorials, in no paper: the penalty of Krogh and Hertz 1991, the clipping of "
        "Pascanu et al. 2013, and a patience"
    )
    ratios = {"l2": 1e-5, "clip_norm": 1.0, "early_stopping": 5.0}
    strengths = (0.25, 0.5, 1.0, 2.0, 4.0)
    range = (0.0, 5.0)
    scored_at = "best"
    clips = True
