"""The weights that a regularizer gives each pass, in place of a model's parameters."""

from torch import Tensor, nn

from rnnreg.kernels.noise import Noise
from rnnreg.nn import names
from rnnreg.nn.draws import seed


class Swapped:
    """Puts them there while the model is called; in evaluation, those that are expected."""

    def __init__(self, model: nn.Module, reg):
        self.reg, self.last = reg, {}
        self.parameters = names.parameters(model)
        by_identity = {id(p): name for name, p in self.parameters.items()}
        self.places = [  # a tied parameter has several
            (module, own, by_identity[id(p)])
            for module in model.modules()
            for own, p in module.named_parameters(recurse=False)
            if id(p) in by_identity
        ]
        self.hooks = [
            model.register_forward_pre_hook(self._put_in),
            model.register_forward_hook(self._take_out, always_call=True),
        ]

    def __getstate__(self) -> dict:
        """A copy of the model has weights of its own in each pass, and none of the last one."""
        return {**vars(self), "last": {}, "hooks": []}

    def _put_in(self, model: nn.Module, given) -> None:
        device = self.reg.strength.device
        noise = Noise(seed(model.training).to(device), 0, training=model.training)
        params = {name: p[None] for name, p in self.parameters.items()}
        found = self.reg.weights(params, noise)
        self._write({n: w[0] for n, w in found.items() if w is not params[n]})
        if model.training:
            self.last = found

    def _take_out(self, model: nn.Module, given, found) -> None:
        self._write(self.parameters)

    def _write(self, values: dict[str, Tensor]) -> None:
        for module, own, name in self.places:
            if name in values:
                module._parameters[own] = values[name]
                if isinstance(module, nn.RNNBase):
                    module._update_flat_weights()
