import copy
import inspect
from collections.abc import Sequence

import timm
import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.model import BaseModule
from timm.models import EfficientNet, MobileNetV3
from timm.models._features_fx import create_feature_extractor
from torch import Tensor

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.registry import MODELS

from .pretrained import read_pretrained

# Constructor options that free a timm model from one fixed input size, where it has them.
_ANY_SIZE = dict(dynamic_img_size=True, dynamic_img_pad=True, strict_img_size=False)
# What an input may have to be a multiple of: nothing, a stride, a patch, a stride times a window.
_DIVISORS = (1, 32, 64, 14, 224, 256)
_FINEST_STRIDE = 4


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """Any timm model as a feature extractor.

    Args:
        model_name: A name that ``timm.list_models()`` knows.
        out_features: Which features to give. ``None``: for the EfficientNet and MobileNet families every stage at
            stride 4 or coarser (their ``features_only`` drops the stages that share a stride: HydraNet reads all),
            for others timm's ``features_only`` from stride 4 on. A sequence of ints: timm's ``out_indices``.
            A sequence of strings: outputs of the modules of these names (``'blocks.3'``).
        pretrained: ``False``, ``True`` (timm's hub) or the path of a local weight file (.pth, .safetensors).
        **model_kwargs: Handed to ``timm.create_model`` (``output_stride=16``, ``drop_path_rate=0.1``, ...).

    ``out_channels`` and ``out_strides`` are tuples, one entry a feature, finest first. ``forward`` takes (N, 3, H, W)
    of any size and gives a list of (N, C_i, ~H / s_i, ~W / s_i). A model that works on multiples of some size only
    gets its input padded, and its features cut; one that works at a single size gets its input resized.
    """

    def __init__(
        self,
        model_name: str,
        out_features: Sequence[int] | Sequence[str] | None = None,
        pretrained: bool | str = False,
        init_cfg=None,
        **model_kwargs,
    ):
        super().__init__(init_cfg)
        _check_name(model_name)
        if out_features is not None and not len(out_features):
            raise ValueError("out_features is empty: give at least one stage or module name, or None for the default.")
        self.model_name = model_name
        model_kwargs = {**_free_size_kwargs(model_name), **model_kwargs}
        with torch.device("meta"):
            probe = _extractor(model_name, out_features, model_kwargs)
        # The probe is run on the meta device: shapes alone, at no cost.
        self.divisor, self.fixed_size, shapes = _probe(probe, model_name)
        self._set_features(probe, shapes, model_name)
        if pretrained:
            # timm loads them before it turns the network into an extractor, which renames its parameters
            weights = read_pretrained(model_name, pretrained, **model_kwargs)
            overlay = dict(state_dict=weights, source="", custom_load=False)
            model_kwargs = {**model_kwargs, "pretrained": True, "pretrained_cfg_overlay": overlay, "num_classes": 0}
        self.body = _extractor(model_name, out_features, model_kwargs)
        for module in self.body.modules():  # else each copy of the model (EMA) would copy the file's weights too
            if isinstance(cfg := getattr(module, "pretrained_cfg", None), dict):
                cfg.pop("state_dict", None)
        if self.fixed_size:
            print_log(
                f"{model_name} works at {self.fixed_size[0]}x{self.fixed_size[1]} only: its input is resized to that.",
                "current",
            )

    def _set_features(self, probe, shapes, model_name):
        size = self.fixed_size or _PROBE_SIZE
        channels_last = [_is_channels_last(shape, size) for shape in shapes]
        channels = [shape[-1] if last else shape[1] for shape, last in zip(shapes, channels_last, strict=True)]
        heights = [shape[1] if last else shape[2] for shape, last in zip(shapes, channels_last, strict=True)]
        strides = [_nearest_stride(size[0] / height) for height in heights]
        # finest first; stages that a dense network has no use for (stride 1, 2) are left unless nothing else is there
        order = sorted(range(len(shapes)), key=lambda i: strides[i])
        if probe.default_features and max(strides) >= _FINEST_STRIDE:
            order = [i for i in order if strides[i] >= _FINEST_STRIDE]
        self._order = order
        self._channels_last = channels_last
        self.out_channels = tuple(channels[i] for i in order)
        self.out_strides = tuple(strides[i] for i in order)

    def init_weights(self):
        """Nothing: timm sets start values at construction, and loaded weights must stay."""

    def __deepcopy__(self, memo):
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        # torchvision gives the copy of its extractor in training mode, whatever mode the original is in
        copied.body.train(self.body.training)
        modes = {name: module.training for name, module in self.named_modules()}
        for name, module in copied.named_modules():
            module.training = modes[name]
        return copied

    def forward(self, x: Tensor) -> list[Tensor]:
        height, width = x.shape[-2:]
        if self.fixed_size:
            x = F.interpolate(x, self.fixed_size, mode="bilinear", align_corners=False)
        elif self.divisor > 1 and (torch.compiler.is_exporting() or height % self.divisor or width % self.divisor):
            # a graph that is exported for any size can't ask whether its image needs padding
            x = F.pad(x, (0, -width % self.divisor, 0, -height % self.divisor))
        features = self.body(x)
        if isinstance(features, dict):
            features = list(features.values())
        outputs = []
        for index, stride in zip(self._order, self.out_strides, strict=True):
            feature = features[index]
            if self._channels_last[index]:
                feature = feature.permute(0, 3, 1, 2)
            if self.divisor > 1 and not self.fixed_size:
                feature = feature[..., : -(-height // stride), : -(-width // stride)]
            outputs.append(feature)
        return outputs


_PROBE_SIZE = (448, 1792)  # a multiple of every divisor, and wide: an axis that is mixed up shows
_ODD_SIZE = (370, 1226)


def _check_name(model_name):
    if timm.is_model(model_name.split(".")[0]) or model_name.startswith(("hf-hub:", "local-dir:")):
        return
    hint = did_you_mean(model_name, timm.list_models(), n=3)
    hint = f": {hint}" if hint else ". "
    raise ValueError(
        f"model.backbone.model_name={model_name!r} is no model of timm {timm.__version__}{hint}"
        f'All names: python -c "import timm; print(timm.list_models())"'
    )


def _free_size_kwargs(model_name):
    with torch.device("meta"):
        model_class = type(timm.create_model(model_name))
    known = inspect.signature(model_class.__init__).parameters
    return {name: value for name, value in _ANY_SIZE.items() if name in known}


def _extractor(model_name, out_features, model_kwargs):
    if out_features is not None and not isinstance(out_features[0], str):
        body = _by_indices(model_name, tuple(out_features), model_kwargs)
        body.default_features = False
        return body
    network = timm.create_model(model_name, **model_kwargs)
    names = out_features
    if names is None and isinstance(network, EfficientNet | MobileNetV3):
        names = [f"blocks.{i}" for i in range(len(network.blocks))]
    if names is None:
        body = timm.create_model(model_name, features_only=True, **model_kwargs)
    else:
        body = create_feature_extractor(network, _checked_nodes(network, names, model_name))
    body.default_features = out_features is None
    return body


def _by_indices(model_name, indices, model_kwargs):
    try:
        return timm.create_model(model_name, features_only=True, out_indices=indices, **model_kwargs)
    except (IndexError, AssertionError) as error:
        raise ValueError(
            f"out_features={list(indices)}: {model_name} has no such stages ({error}). Stages are counted from 0; "
            f"None gives those that a dense network reads."
        ) from error


def _checked_nodes(network, names, model_name):
    known = dict(network.named_modules())
    unknown = [name for name in names if name not in known]
    if unknown:
        stages = [name for name in known if name and name.count(".") <= 1]
        raise ValueError(
            f"out_features names {unknown}, which {model_name} does not have. Its modules: {', '.join(stages[:40])}"
        )
    return list(names)


def _probe(model, model_name):
    """(divisor, fixed size or None, feature shapes at that size) of a model on the meta device."""
    model.eval()
    errors = []
    for divisor in _DIVISORS:
        odd = [-(-n // divisor) * divisor for n in _ODD_SIZE]
        if (shapes := _try(model, odd, errors)) and (shapes := _try(model, _PROBE_SIZE, errors)):
            return divisor, None, shapes
    size = tuple(timm.get_pretrained_cfg(model_name).input_size[-2:])
    if shapes := _try(model, size, errors):
        return 1, size, shapes
    raise ValueError(f"{model_name} gives no features that a dense network can read: {errors[-1]}")


def _try(model, size, errors):
    try:
        with torch.no_grad():
            features = model(torch.zeros(1, 3, *size, device="meta"))
    except Exception as error:  # a model may refuse a size in any way it likes
        errors.append(error)
        return None
    features = list(features.values()) if isinstance(features, dict) else features
    shapes = [tuple(feature.shape) for feature in features]
    if any(len(shape) != 4 for shape in shapes):
        errors.append(f"features of shape {shapes}, not (N, C, H, W)")
        return None
    return shapes


def _is_channels_last(shape, size):
    """Whether (N, H, W, C): the aspect of the image tells where the two image axes are."""
    aspect = size[1] / size[0]

    def off(height, width):
        return abs(width / height / aspect - 1) if height > 1 or width > 1 else 0.0

    return off(shape[1], shape[2]) < off(shape[2], shape[3])


def _nearest_stride(ratio):
    return max(1, round(ratio))
