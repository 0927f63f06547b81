"""The two figures of a trial."""

import io

import numpy as np
from matplotlib.figure import Figure

from rnnreg.analysis.figures.style import HUES, WIDTH, drawing
from rnnreg.data.given import filled, rows
from rnnreg.tasks import Forecast
from rnnreg.trying.rounds import NONE

PAST = 3  # times the horizon that are shown before a forecast


def curves(found: dict) -> str:
    """Learning curves of none and of the best, as SVG; "" where nothing was tested."""
    if found["gain"] is None:
        return ""
    with drawing():
        figure = _figure(2.2)
        axes = figure.subplots()
        for which in ("none", "best"):
            own = found[which]
            colour, curve = _colour(own), own["curve"]
            axes.plot(curve["steps"], curve["validation"], color=colour, label=own["title"])
            axes.plot(curve["steps"], curve["train"], color=colour, linestyle="--", linewidth=0.8)
        axes.set_xlabel("steps")
        axes.set_ylabel("loss")
        axes.legend()
        return _svg(figure)


def _colour(own: dict) -> str:
    return HUES[NONE] if own["name"] == NONE else HUES.get(own["group"], "#0072B2")


def forecasts(trial) -> dict | None:
    """The last rows of a series and what both kept models forecast of them; None of other data."""
    if trial.gain is None or trial.understood.reader != "read_series":
        return None
    import rnnreg

    models = {name: rnnreg.load(file) for name, file in trial.models.items() if file}
    if len(models) < 2:
        return None
    task: Forecast = models[NONE].task
    read = models[NONE].facts.decoding["read"]
    values, times = rows(trial.understood.file, **read)
    whole = filled(values)
    horizon, column = task.horizon, task.columns(whole.shape[1])[0]
    known = whole[:-horizon]
    past = min(max(PAST * horizon, 12), len(known))
    shown = values[-past - horizon :, column]
    return {
        "column": trial.understood.units[0],
        "values": shown.tolist(),
        "horizon": horizon,
        "times": None if times is None else [str(t) for t in times[-past - horizon :]],
        "forecasts": {name: model.predict(known)[:, 0].tolist() for name, model in models.items()},
    }


def example(found: dict) -> str:
    """The forecasts of both kept models beside what came, as SVG."""
    shown = found.get("example")
    if not shown:
        return ""
    values = np.array([np.nan if v is None else v for v in shown["values"]], dtype=float)
    horizon = shown["horizon"]
    with drawing():
        figure = _figure(1.9)
        axes = figure.subplots()
        at = np.arange(len(values)) - (len(values) - horizon) + 1
        axes.plot(at, values, color="#999999", label="what came", linewidth=1)
        for which in ("none", "best"):
            own = found[which]
            made = shown["forecasts"][own["name"]]
            axes.plot(at[-horizon:], made, color=_colour(own), label=own["title"], marker=".")
        axes.axvline(0.5, color="#bbbbbb", linewidth=0.6)
        axes.set_xlabel("rows after the last one that is known")
        axes.set_ylabel(shown["column"], parse_math=False)
        axes.legend()
        return _svg(figure)


def _figure(height: float) -> Figure:
    """With margins of its own: to lay them out takes half of the time."""
    figure = Figure(figsize=(WIDTH, height), layout="none")
    figure.subplots_adjust(left=0.09, right=0.99, bottom=0.42 / height, top=0.98)
    return figure


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
