"""The test split with noise in its inputs: does a regularizer buy robustness?"""

import numpy as np
import torch

from rnnreg.data.benchmark import Arrays
from rnnreg.kernels.noise import Noise
from rnnreg.tasks import Classification, Forecast, Task


def noisy(task: Task, test: Arrays, symbols: int, strength: float) -> Arrays:
    """The arrays of a test split with the same noise for everyone; targets stay what they are.

    Symbols are replaced by <unk>, the last of them, with probability `strength`; numbers have
    normal noise added, of that standard deviation. ValueError for tasks whose inputs are their
    targets a step later.
    """
    if not isinstance(task, Classification | Forecast):
        raise ValueError(f"noisy: given {type(task).__name__}, expected Classification or Forecast")
    draw = Noise(torch.zeros(1, dtype=torch.int64), 0).at("noisy test")
    given = test["series" if isinstance(task, Forecast) else "x"]
    if symbols:
        dropped = draw.bernoulli(torch.tensor([strength]), given.shape)[0].numpy() > 0
        changed = np.where(dropped, symbols - 1, given)
    else:
        changed = given + strength * draw.normal(given.shape)[0].numpy()
    return {**test, "inputs" if isinstance(task, Forecast) else "x": changed.astype(given.dtype)}
