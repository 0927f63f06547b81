# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Gallery
#
# Regularizers at work in a model of one's own: sunspots a year since 1700, as statsmodels has
# them, forecast a year ahead by an LSTM that is too large for them. This page is a notebook, run
# whenever the site is built.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from statsmodels.datasets import sunspots
from torch import nn

import rnnreg

sns.set_theme(style="ticks", rc={"axes.spines.top": False, "axes.spines.right": False})
CONTEXT, TRAIN = 20, 160  # years that the network reads; windows that it is trained on

series = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
series = (series - series[: TRAIN + CONTEXT].mean()) / series[: TRAIN + CONTEXT].std()
windows = torch.tensor(np.lib.stride_tricks.sliding_window_view(series, CONTEXT + 1)).float()
x, y = windows[:, :-1, None], windows[:, -1]


# %% [markdown]
# ## Over-fitting, and what helps
#
# One function trains: `inside` are arguments of `rnnreg.nn.LSTM`, `name` and `strength` go to
# `rnnreg.regularize`.


# %%
class Forecaster(nn.Module):
    """An LSTM, and the next value from its last state."""

    def __init__(self, **inside):
        super().__init__()
        self.rnn = rnnreg.nn.LSTM(1, 48, batch_first=True, **inside)
        self.top = nn.Linear(48, 1)

    def forward(self, x):
        return self.top(self.rnn(x)[0][:, -1])[:, 0]


def train(name="", strength=0.0, steps=240, seed=0, **inside):
    """The model, and its training and validation loss every 10 steps."""
    torch.manual_seed(seed)
    model = Forecaster(**inside)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    reg = rnnreg.regularize(model, name, strength, optimizer) if name else None
    losses = []
    for step in range(1, steps + 1):
        model.train()
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x[:TRAIN]), y[:TRAIN])
        (loss + reg.penalty() if reg else loss).backward()
        optimizer.step()
        if step % 10 == 0:
            model.eval()
            with torch.no_grad():
                error = (model(x) - y).square()
            found = {"training": error[:TRAIN].mean(), "validation": error[TRAIN:].mean()}
            losses += [{"step": step, "split": k, "loss": float(v)} for k, v in found.items()]
    return model, pd.DataFrame(losses)


runs = {
    "none": {},
    "L2": {"name": "l2", "strength": 3e-3},
    "recurrent dropout": {"recurrent_dropout": 0.4},
    "zoneout": {"zoneout": (0.1, 0.4)},
    "gradient noise": {"name": "gradient_noise", "strength": 0.01},
    "max-norm": {"name": "max_norm", "strength": 0.7},
}
trained = {title: train(**how) for title, how in runs.items()}
losses = pd.concat({title: frame for title, (_, frame) in trained.items()}, names=["regularizer"])
grid = sns.relplot(
    losses.reset_index(), x="step", y="loss", hue="split", col="regularizer", col_wrap=3,
    kind="line", height=2.1, aspect=1.4,
)  # fmt: skip
grid.set_titles("{col_name}").set(ylim=(0, None))
plt.show()

# %% [markdown]
# One seed and one strength show how such curves look, and decide nothing. What decides is
# [how a study measures](measure.md).
#
# ## Weights
#
# Penalties and projections act on the weights: the recurrent matrix after training.

# %%
weights = pd.DataFrame(
    {title: model.rnn.weight_hh_l0.detach().flatten() for title, (model, _) in trained.items()}
).melt(var_name="regularizer", value_name="weight")
sns.displot(weights, x="weight", hue="regularizer", kind="kde", height=2.6, aspect=2.2)
plt.show()

# %% [markdown]
# ## Averages
#
# A moving average of the weights is a second model beside the one that trains: within
# `reg.evaluated()` the model has its weights.

# %%
torch.manual_seed(0)
model = Forecaster()
optimizer = torch.optim.SGD(model.parameters(), 0.2, momentum=0.9)
average = rnnreg.regularize(model, "weight_averaging", 0.97, optimizer)
found = []
for step in range(1, 181):
    batch = torch.randperm(TRAIN)[:16]
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x[batch]), y[batch]).backward()
    optimizer.step()
    if step % 6 == 0:
        with torch.no_grad():
            own = float(nn.functional.mse_loss(model(x[TRAIN:]), y[TRAIN:]))
            average.check(own)
            with average.evaluated():
                mean = float(nn.functional.mse_loss(model(x[TRAIN:]), y[TRAIN:]))
        found += [(step, "as trained", own), (step, "average", mean)]
frame = pd.DataFrame(found, columns=["step", "weights", "validation loss"])
sns.relplot(
    frame, x="step", y="validation loss", hue="weights", kind="line", height=2.4, aspect=2.4
)
plt.show()
