from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mtl_plugins.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Learning rates that decay from the last layer of the backbone to its first (Clark et al., ELECTRA, 2020).

    The learning rate of layer `i` of `n` (the stem is layer 0) is multiplied by `rate ** (n - i)`, with `n` one more
    than the last layer. Neck and heads keep the learning rate of the optimizer. This is the usual way to fine-tune a
    ViT, with rates from 0.65 to 0.9.

    The layers are those of timm. Another backbone can have a method `parameter_layers` that returns the layer of each
    parameter by name. In a config:

        optim_wrapper = dict(
            constructor="LayerDecayOptimWrapperConstructor",
            paramwise_cfg=dict(layer_decay_rate=0.75, flat_decay_mult=0.0),
        )

    Args:
        optim_wrapper_cfg: Config of the optimizer wrapper, with the optimizer.
        paramwise_cfg: Options of mmengine's `DefaultOptimWrapperConstructor`, which multiply these rates, and
            `layer_decay_rate`.

    Raises:
        ValueError: `layer_decay_rate` is missing or not in (0, 1], or, when it is called, the backbone has no layers.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None):
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        rate = self.paramwise_cfg.get("layer_decay_rate")
        if not isinstance(rate, int | float) or not 0 < rate <= 1:
            raise ValueError(
                "LayerDecayOptimWrapperConstructor needs optim_wrapper.paramwise_cfg=dict(layer_decay_rate=RATE) with "
                f"0 < RATE <= 1, such as 0.75; given: {rate!r}."
            )
        self.rate = rate

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = "", is_dcn_module: int | float | None = None
    ) -> None:
        """Add the parameters of `module` to `params`; parameters with the same options form one group."""
        super().add_params(params, module, prefix, is_dcn_module)
        if prefix:  # called by itself for a child
            return
        factors = self._factors(module)
        groups: dict[Any, dict] = {}
        for group in params:
            [parameter] = group["params"]
            base: Any = group.get("lr", self.base_lr)
            group["lr"] = base * factors.get(id(parameter), 1.0)
            options = tuple(sorted((key, repr(value)) for key, value in group.items() if key != "params"))
            groups.setdefault(options, {**group, "params": []})["params"].append(parameter)
        params[:] = groups.values()

    def _factors(self, model: nn.Module) -> dict[int, float]:
        """Factor of the learning rate by the id of the parameter."""
        factors = {}
        for module in model.modules():
            find_layers: Any = getattr(module, "parameter_layers", None)
            if find_layers is not None:
                layers, parameters = find_layers(), dict(module.named_parameters())
                end = max(layers.values()) + 1
                factors.update({id(parameters[name]): self.rate ** (end - layer) for name, layer in layers.items()})
        if not factors:
            backbone = type(getattr(model, "backbone", model)).__name__
            raise ValueError(
                f"LayerDecayOptimWrapperConstructor: {backbone} has no method parameter_layers, which returns the "
                "layer of each parameter by name. Use TimmBackbone, or add the method to your backbone."
            )
        return factors
