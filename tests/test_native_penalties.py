"""What penalties are computed by in compiled code, against the definitions in double precision."""

import pytest
import torch

from rnnreg.kernels.native import build, losses, squares

needed = pytest.mark.skipif(build.library() is None, reason="no C++ compiler on this machine")


def softmaxes_apart(a, b):
    p, q = a.log_softmax(-1), b.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1) + (q.exp() * (q - p)).sum(-1)


DEFINITIONS = {
    "squares": (squares.squares, lambda a: (a**2).sum(-1), 1),
    "distances": (squares.distances, lambda a, b: ((a - b) ** 2).sum(-1), 2),
    "changes": (squares.changes, lambda h: ((h[:, 1:] - h[:, :-1]) ** 2).sum(-1), 1),
    "norm_changes": (squares.norm_changes, lambda h: h.norm(dim=-1).diff(dim=1) ** 2, 1),
    "divergence": (losses.divergence, softmaxes_apart, 2),
}


def results(function, given, back):
    found = function(*given)
    return [found, *torch.autograd.grad(found, given, back.to(found.dtype))]


@needed
@pytest.mark.parametrize("shape", [(2, 5, 3, 16), (1, 2, 1, 1), (3, 4, 2, 103), (2, 2, 7, 40)])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_values_and_gradients_are_those_of_the_definition(name, shape):
    function, definition, count = DEFINITIONS[name]
    g = torch.Generator().manual_seed(1)
    longer = (shape[0], shape[1] + 1, *shape[2:])  # as h is: a part of what the states lie in
    given = [torch.randn(*longer, generator=g)[:, 1:].requires_grad_() for _ in range(count)]
    exact = [a.detach().double().requires_grad_() for a in given]
    back = torch.randn(definition(*exact).shape, generator=g)
    for found, wanted in zip(
        results(function, given, back), results(definition, exact, back), strict=True
    ):
        assert found.shape == wanted.shape
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_other_precisions_take_the_definition(name):
    function, definition, count = DEFINITIONS[name]
    given = [torch.randn(2, 3, 2, 5).double() for _ in range(count)]
    torch.testing.assert_close(function(*given), definition(*given), rtol=1e-12, atol=1e-12)


@needed
@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_member_that_is_not_finite_leaves_its_neighbour_as_it_is(name):
    function, _, count = DEFINITIONS[name]
    given = [torch.randn(2, 3, 2, 5) for _ in range(count)]
    broken = [a.index_fill(0, torch.tensor([0]), torch.nan) for a in given]
    assert torch.equal(function(*broken)[1], function(*given)[1])
    assert function(*broken)[0].isnan().all()


@needed
def test_changes_of_norms_are_those_of_torch_bit_for_bit():
    h = torch.randn(3, 7, 5, 40)
    h[1, 2:4] = 0  # where the norm has no gradient
    h[2, 1, 0] = 1e-16
    h.requires_grad_()
    norms = squares.squares(h).clamp(min=squares.LEAST**2).sqrt()
    definition = (norms[:, 1:] - norms[:, :-1]).square()
    back = torch.rand(definition.shape)
    slopes = torch.autograd.grad(definition, h, back)[0]
    for found, wanted in zip(
        results(squares.norm_changes, [h], back), (definition, slopes), strict=True
    ):
        assert torch.equal(found, wanted)
    assert not slopes[1, 2:4].any()
    assert slopes[0].any()


@needed
def test_softmaxes_that_are_far_apart_or_the_same():
    far = torch.tensor([[[0.0, -200.0]], [[3e4, 0.0]]]).requires_grad_()
    other = torch.tensor([[[-200.0, 0.0]], [[3e4, 0.0]]])
    apart = losses.divergence(far, other)
    assert apart.flatten().tolist() == [400, 0]
    (slope,) = torch.autograd.grad(apart.sum(), far)
    assert slope.isfinite().all()
