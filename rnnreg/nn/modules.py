"""LSTM, GRU and RNN: torch.nn's modules, with regularizers inside the recurrence."""

import copy
from inspect import signature

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from rnnreg.errors import UserError, unknown
from rnnreg.nn import forms, layers, loops

RATES = ("recurrent_dropout", "update_dropout", "weight_drop")
OWN = (*RATES, "zoneout", "variational", "layer_norm")
SUFFIXES = ("", "_reverse")


class Regularized:
    """What the three add to torch.nn's modules; the docstring of LSTM says it in full."""

    def __init__(
        self,
        *args,
        recurrent_dropout: float = 0.0,
        update_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        weight_drop: float = 0.0,
        variational: bool = False,
        layer_norm: bool = False,
        **kwargs,
    ):
        self._made = False
        self._known(kwargs)
        super().__init__(*args, **kwargs)
        if self.proj_size:
            raise self._fault("proj_size", self.proj_size, "only 0: torch.nn.LSTM has projections")
        self.recurrent_dropout, self.update_dropout = recurrent_dropout, update_dropout
        self.weight_drop, self.variational, self.layer_norm = weight_drop, variational, layer_norm
        for name in RATES:
            self._check(name, getattr(self, name))
        states = 2 if self.mode == "LSTM" else 1
        self.zoneout = zoneout if isinstance(zoneout, tuple) else (zoneout,) * states
        if len(self.zoneout) != states:
            allowed = "a number, or two for an LSTM: of h and of c"
            raise self._fault("zoneout", zoneout, allowed)
        for rate in self.zoneout:
            self._check("zoneout", rate)
        for name in ("variational", "layer_norm"):
            if not isinstance(getattr(self, name), bool):
                raise self._fault(name, getattr(self, name), "True or False")
        if variational and not (self.dropout or update_dropout):
            allowed = "only with dropout or update_dropout, whose draws it is about"
            raise self._fault("variational", True, allowed)
        self.regularizers = []  # of rnnreg.regularize, whose masks act here
        self._made = True
        if layer_norm:
            self._add_gains(kwargs.get("device"), kwargs.get("dtype"))

    def forward(self, input, hx=None):
        """As torch.nn's module of this name."""
        # Of compiled code a layer is no part, as torch.nn's is not.
        if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
            return torch.compiler.disable(Regularized._run)(self, input, hx)
        if hx is None and not self._masks() and loops.is_short(self, input):
            return self._at_once(input)
        return self._run(input, hx)

    def _at_once(self, input):
        """torch's kernel, without a second look at what `loops.is_short` has seen."""
        self._update_flat_weights()
        layers, batch = self.num_layers * (1 + self.bidirectional), 0 if self.batch_first else 1
        zero = input.new_zeros(layers, input.shape[batch], self.hidden_size)
        is_lstm = self.mode == "LSTM"
        output, *state = loops.KERNELS[self.mode](
            input, (zero, zero) if is_lstm else zero, self._flat_weights, self.bias,
            self.num_layers, self.dropout, self.training, self.bidirectional, self.batch_first,
        )  # fmt: skip
        return output, tuple(state) if is_lstm else state[0]

    def _run(self, input, hx):
        if not forms.well_formed(input, hx) or self._is_for_torch(input):
            return super().forward(input, hx)  # which also says what is wrong with its arguments
        self._update_flat_weights()
        return forms.run(self, input, hx, layers.forward)

    def __prepare_scriptable__(self) -> nn.RNNBase:
        """torch.nn's module of these weights: torch.jit.script puts it in the place of this one."""
        between = self.variational and self.dropout and self.num_layers > 1
        if self._masks() or between or any(getattr(self, n) for n in RATES):
            name = f"rnnreg.nn.{type(self).__name__}"
            raise UserError(
                f"{name}: torch.jit.script compiles what torch.nn.{self._torch().__name__} does, "
                "and nothing else. Remedy: torch.jit.trace or torch.export in evaluation, or a "
                f"{name} without regularizers."
            )
        plain = copy.copy(self)
        plain.__class__ = self._torch()
        return plain

    def _torch(self) -> type[nn.RNNBase]:
        """The class of torch.nn that this one takes the place of."""
        return next(c for c in type(self).__mro__ if c.__module__ == nn.RNNBase.__module__)

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        told = [super().extra_repr()]
        told += [f"{n}={getattr(self, n)}" for n in RATES if getattr(self, n)]
        if any(self.zoneout):
            told.append(f"zoneout={self.zoneout if len(self.zoneout) > 1 else self.zoneout[0]}")
        told += [f"{n}=True" for n in ("variational", "layer_norm") if getattr(self, n)]
        return ", ".join(told)

    def reset_parameters(self) -> None:
        """Weights as torch.nn's; gains 1 and their shifts 0."""
        super().reset_parameters()
        if self._made and self.layer_norm:
            for name, p in self.named_parameters():
                if name.startswith(("gain_", "shift_")):
                    nn.init.constant_(p, float(name.startswith("gain_")))

    def _add_gains(self, device, dtype) -> None:
        like = self._flat_weights[0]
        for layer in range(self.num_layers):
            for suffix in SUFFIXES[: 1 + self.bidirectional]:
                sizes = {"gain_ih": len(like), "gain_hh": len(like)}
                if self.mode == "LSTM":
                    sizes |= {"gain_c": self.hidden_size, "shift_c": self.hidden_size}
                for name, size in sizes.items():
                    gain = like.new_full((size,), float(name.startswith("gain")))
                    setattr(self, f"{name}_l{layer}{suffix}", nn.Parameter(gain))

    def _is_for_torch(self, input) -> bool:
        """Whether torch's kernel computes the same, and is the one to take."""
        x = input.data if isinstance(input, PackedSequence) else input
        if x.numel() == 0 or x.is_meta:
            return True
        if not self._masks():
            return loops.torch_is_faster(self, x, isinstance(input, PackedSequence))
        if loops.is_recorded():
            name = f"rnnreg.nn.{type(self).__name__}"
            raise UserError(
                f"{name}: within torch.func, torch.jit.trace and torch.export it computes what "
                f"torch.nn.{type(self).__name__} does, and nothing else. Remedy: evaluation, or "
                "masks that are off there; zoneout and layer_norm act in evaluation too."
            )
        return False

    def _masks(self) -> bool:
        """Whether it computes anything that torch.nn's module does not, as it stands now."""
        if self.layer_norm or self.regularizers or any(self.zoneout):
            return True
        between = self.variational and self.dropout and self.num_layers > 1
        return self.training and bool(between or any(getattr(self, n) for n in RATES))

    def _known(self, given: dict) -> None:
        """TypeError for an argument that neither this module nor torch's has, with the nearest."""
        theirs = {*signature(nn.RNNBase.__init__).parameters} - {"self", "mode"}
        theirs |= {"nonlinearity"} if isinstance(self, nn.RNN) else set()
        for name in given.keys() - theirs:
            raise TypeError(str(unknown(f"rnnreg.nn.{type(self).__name__}", name, theirs | {*OWN})))

    def _check(self, name: str, rate: object) -> None:
        number = isinstance(rate, int | float) and not isinstance(rate, bool)
        if not number or not 0 <= rate < 1:
            raise self._fault(name, rate, "a probability, at least 0 and below 1")

    def _fault(self, name: str, given: object, allowed: str) -> UserError:
        return UserError(
            f"rnnreg.nn.{type(self).__name__}: {name}: given {given!r}, allowed is {allowed}."
        )


class LSTM(Regularized, nn.LSTM):
    """torch.nn.LSTM with regularizers inside; without them it computes the same.

    All arguments of torch.nn.LSTM but `proj_size`; its shapes, its `state_dict`, and these:

    recurrent_dropout   probability that a unit of h is dropped before the recurrent product, at all
                        time steps of a sequence alike (Gal and Ghahramani 2016, arXiv:1512.05287)
    update_dropout      of an entry of the candidate, anew at each time step (Semeniuta, Severyn and
                        Barth 2016, arXiv:1603.05118)
    zoneout             that an entry of the state stays what it was; for an LSTM also a pair, of h
                        and of c (Krueger et al. 2017, arXiv:1606.01305). Evaluation takes the mean
    weight_drop         of an entry of the recurrent matrices, anew in each call (Merity, Keskar and
                        Socher 2018, arXiv:1708.02182)
    variational         whether `dropout` between layers and `update_dropout` drop the same units
                        at all time steps of a sequence
    layer_norm          whether pre-activations are normalised over units, with gains among the
                        parameters (Ba, Kiros and Hinton 2016, arXiv:1607.06450)

    What is kept is scaled by 1 / (1 - probability). Masks are drawn in training from torch's
    generator, so `torch.manual_seed` fixes them. UserError for a value that is not allowed, or
    `variational` without what it is about; TypeError for an argument that there is not.

    >>> import torch
    >>> lstm = LSTM(8, 16, num_layers=2, recurrent_dropout=0.25, zoneout=(0.05, 0.5))
    >>> lstm
    LSTM(8, 16, num_layers=2, recurrent_dropout=0.25, zoneout=(0.05, 0.5))
    >>> output, (h, c) = lstm(torch.zeros(5, 3, 8))
    >>> output.shape, h.shape, c.shape
    (torch.Size([5, 3, 16]), torch.Size([2, 3, 16]), torch.Size([2, 3, 16]))
    """


class GRU(Regularized, nn.GRU):
    """torch.nn.GRU with regularizers inside: the arguments of LSTM."""


class RNN(Regularized, nn.RNN):
    """torch.nn.RNN with regularizers inside: the arguments of LSTM."""
