"""What is there to test what tutorials say: formulas, columns of noise, norms of inputs."""

import json

import numpy as np
import pytest
import torch
from own import MAIL, add
from toys import TASKS, setting

from rnnreg.data import prepared, sequences
from rnnreg.data.benchmark import Splits
from rnnreg.errors import UserError
from rnnreg.study import study
from rnnreg.training.population import Population
from rnnreg.training.row import _input_norms


def test_the_two_formulas_compute_the_same_with_weights_to_match():
    """Dropout in training on w, and the other formula on w / (1 - p): one forward pass."""
    jobs = [setting("vectors", "gru", r) for r in ("dropout", "dropout_at_test")]
    one, other = (Population(job, [0.5], [1]) for job in jobs)
    for name in ("0.input", "1.input", "output"):
        other.params[name] = other.params[name] * 2
    losses = [p.evaluate(p.params, p.reg, "test")["loss"] for p in (one, other)]
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize("kind", [*TASKS, "vectors"])
def test_the_norm_of_each_input(kind):
    population = Population(setting(kind, "gru"), [0.0, 0.0], [1, 2])
    population.run()
    found = _input_norms(population)
    if population.setting.network.symbols:
        assert found.numel() == 0
        return
    own = population.final["0.input"]
    for m in range(2):
        for d in range(own.shape[2]):
            wanted = sum(w * w for w in own[m, :, d].tolist()) ** 0.5
            assert float(found[m, d]) == pytest.approx(wanted, rel=1e-6)


def labelled() -> Splits:
    rng = np.random.default_rng(0)

    def part(count: int):
        x = [rng.normal(size=(5, 2)).astype(np.float32) for _ in range(count)]
        return x, ["a", "b"] * (count // 2)

    return sequences.standardised(sequences.labelled(part(20), part(6), part(6)))


def test_columns_of_noise_stand_last_and_differ_between_splits():
    plain, wide = labelled(), sequences.with_noise_columns(labelled(), 3)
    again = sequences.with_noise_columns(labelled(), 3)
    for split, arrays in wide.items():
        np.testing.assert_array_equal(arrays["x"][:, :2], dict(plain.items())[split]["x"])
        np.testing.assert_array_equal(arrays["x"], dict(again.items())[split]["x"])
        assert arrays["x"].dtype == np.float32
        assert arrays["x"].shape[1] == 5
    noise = wide.train["x"][:, 2:]
    assert abs(noise.mean()) < 0.2
    assert noise.std() == pytest.approx(1, abs=0.15)
    assert not np.array_equal(wide.validation["x"][:, 2:], wide.test["x"][:, 2:])
    assert wide.decoding["mean"][2:] == [0.0] * 3
    assert wide.decoding["deviation"][2:] == [1.0] * 3
    assert json.dumps(wide.decoding)


def test_columns_of_noise_need_sequences_of_numbers(project):
    add(project, "mail", MAIL)
    (project / "noise.yaml").write_text(
        "title: N\nbenchmarks: [mail@noisy]\ncells: [gru]\nregularizers: [none]\n"
        "seeds: {evaluation: 2}\nvariants: {noisy: {noise_columns: 2}}\n"
    )
    variant = study.read("noise.yaml").variant("mail@noisy")
    prepared.download("mail", project / "data/raw")
    with pytest.raises(UserError, match=r"mail@noisy: .*noise_columns: its inputs are no "):
        prepared.prepare("mail@noisy", project / "data/raw", project / "data/prepared", variant)
