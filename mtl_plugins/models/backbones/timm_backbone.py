import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.kernels import StridedDepthwiseConv2d
from mtl_plugins.registry import MODELS

from .pretrained import read_pretrained
from .timm_extractor import LAST_BLOCKS, build_extractor, check_name, describe_model, mean_and_std
from .timm_layers import layers_of_parameters
from .timm_probe import Probe, probe_extractor, unsupported_size

_FINEST_STRIDE = 4


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """Any timm model as a feature extractor.

    Models that need a multiple of some size get padded images, and their features are cropped. Models with a single
    input size get resized images.

    Args:
        model_name: A name from `timm.list_models()`.
        out_features: The features to return. None: every stage at stride 4 or coarser. For the EfficientNet and
            MobileNet families these are all stages (HydraNet reads stages of equal stride, too), for other models those
            of timm's `features_only`. Integers: timm's `out_indices`. Strings: outputs of the modules with these names
            (`'blocks.3'`). `'last_blocks'`: two features of each stage, before and after its last block, for `MTAN`; a
            stage with one block gives the feature after it twice.
        pretrained: False, True (weights from timm's hub) or the path of a local file (.pth, .safetensors).
        init_cfg: As in mmengine's `BaseModule`.
        **model_kwargs: Options of `timm.create_model` (`output_stride=16`, `drop_path_rate=0.1`, ...). With `img_size`
            (a number or (H, W)), a model with a single input size is built for this size.

    Attributes:
        out_channels: Channels of the features, finest first.
        out_strides: Strides of the features, finest first.
        mean: Mean of RGB in 0 ... 1 that the model expects (timm's `pretrained_cfg`; ImageNet's by default).
        std: Standard deviation of RGB in 0 ... 1.
        pretrained: The argument.

    Raises:
        ValueError: Unknown model, stage or module.
    """

    def __init__(
        self,
        model_name: str,
        out_features: Sequence[int] | Sequence[str] | str | None = None,
        pretrained: bool | str = False,
        init_cfg: dict | None = None,
        **model_kwargs: Any,
    ):
        super().__init__(init_cfg)
        check_name(model_name)
        if out_features is not None and not len(out_features):
            raise ValueError("out_features is empty: set at least one stage or module name, or None for the default.")
        self.model_name = model_name
        free_size, pretrained_cfg = describe_model(model_name)
        self.mean, self.std = mean_and_std(pretrained_cfg)
        model_kwargs = {**free_size, **model_kwargs}
        img_size = _check_img_size(model_kwargs.get("img_size"))
        try:
            with torch.device("meta"):
                extractor = self.build_body(model_name, out_features, model_kwargs)
        except (AssertionError, RuntimeError, ZeroDivisionError) as error:
            if img_size is None:
                raise
            raise ValueError(unsupported_size(model_name, img_size, error)) from error
        probe = probe_extractor(extractor, model_name, img_size)
        self.divisor, self.fixed_size = probe.divisor, probe.fixed_size
        self._select_features(probe, getattr(extractor, "pairs", None), default=out_features in (None, LAST_BLOCKS))
        self._recipe = model_name, out_features, model_kwargs
        self.pretrained = pretrained
        scratch = pretrained is False or pretrained is None
        self.body: Any = self.build_body(*self._recipe) if scratch else self._pretrained_body(pretrained)
        StridedDepthwiseConv2d.convert(self.body)
        if self.fixed_size:
            print_log(
                f"{model_name} supports only {self.fixed_size[0]}x{self.fixed_size[1]}: its images are resized.",
                "current",
            )

    #: Builds the feature extractor, a module that returns a list or dict of features
    build_body = staticmethod(build_extractor)

    def load_pretrained(self, source: bool | str = True) -> None:
        """Replace the weights by pretrained ones, in place.

        Args:
            source: As `pretrained` of the constructor.

        Raises:
            FileNotFoundError: The file does not exist.
            ConnectionError: The hub cannot be reached.
            ValueError: No weights are published, the file is unreadable, or the weights belong to another model.
        """
        with torch.random.fork_rng(devices=[]):  # building the network draws random numbers
            self.body.load_state_dict(self._pretrained_body(source).state_dict())

    def parameter_layers(self) -> dict[str, int]:
        """The layer of each parameter as timm counts them, from the stem (0) on.

        Raises:
            ValueError: timm has no layers for this model.
        """
        model_name, _, model_kwargs = self._recipe
        names = [name for name, _ in self.body.named_parameters()]
        layers = layers_of_parameters(names, model_name, model_kwargs)
        return {f"body.{name}": layer for name, layer in layers.items()}

    def _pretrained_body(self, source: bool | str) -> nn.Module:
        model_name, out_features, model_kwargs = self._recipe
        weights = read_pretrained(model_name, source, **model_kwargs)
        # timm loads them before it turns the network into an extractor, which renames its parameters
        overlay = dict(state_dict=weights, source="", custom_load=False)
        model_kwargs = {**model_kwargs, "pretrained": True, "pretrained_cfg_overlay": overlay, "num_classes": 0}
        body = self.build_body(model_name, out_features, model_kwargs)
        for module in body.modules():  # otherwise each copy of the model (EMA) would copy the file's weights, too
            if isinstance(cfg := getattr(module, "pretrained_cfg", None), dict):
                cfg.pop("state_dict", None)
        return body

    def _select_features(self, probe: Probe, pairs: Sequence[tuple[int, int]] | None, default: bool) -> None:
        """Order the features from fine to coarse. By default, strides below 4 are dropped if coarser ones exist."""
        strides = [feature.stride for feature in probe.features]
        order = list(range(len(strides))) if pairs is None else [i for pair in pairs for i in pair]
        order.sort(key=lambda i: strides[i])
        if default and max(strides) >= _FINEST_STRIDE:
            order = [i for i in order if strides[i] >= _FINEST_STRIDE]
        self._order = order
        self._channels_last = [feature.channels_last for feature in probe.features]
        self.out_channels = tuple(probe.features[i].channels for i in order)
        self.out_strides = tuple(strides[i] for i in order)

    def init_weights(self) -> None:
        """Do nothing: timm initialises the weights in the constructor, and loaded weights must not be overwritten."""

    def __deepcopy__(self, memo: dict) -> "TimmBackbone":
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        # the copy of torchvision's extractor is in training mode, whatever the mode of the original
        copied.body.train(self.body.training)
        modes = {name: module.training for name, module in self.named_modules()}
        for name, module in copied.named_modules():
            module.training = modes[name]
        return copied

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features (N, C_i, ~H / s_i, ~W / s_i), finest first, of normalised images (N, 3, H, W) of any size."""
        features = self.body(self.prepare(x))
        return self.finish(list(features.values()) if isinstance(features, dict) else features, x.shape[-2:])

    def prepare(self, x: Tensor) -> Tensor:
        """Images of a size that the model supports."""
        height, width = x.shape[-2:]
        if self.fixed_size:
            return F.interpolate(x, self.fixed_size, mode="bilinear", align_corners=False)
        if self.divisor > 1 and (torch.compiler.is_exporting() or height % self.divisor or width % self.divisor):
            # a graph for dynamic sizes cannot depend on whether padding is needed
            return F.pad(x, (0, -width % self.divisor, 0, -height % self.divisor))
        return x

    def finish(self, features: Sequence[Tensor], size: Sequence[int]) -> list[Tensor]:
        """The selected features (N, C_i, H_i, W_i), finest first, without padding.

        Args:
            features: All features of the model.
            size: (H, W) of the images before `prepare`.
        """
        height, width = size
        outputs = []
        for index, stride in zip(self._order, self.out_strides, strict=True):
            feature = features[index]
            if self._channels_last[index]:
                feature = feature.permute(0, 3, 1, 2)
            if self.divisor > 1 and not self.fixed_size:
                feature = feature[..., : -(-height // stride), : -(-width // stride)]
            outputs.append(feature)
        return outputs


def _check_img_size(img_size):
    sizes = (img_size, img_size) if isinstance(img_size, int) else img_size
    if sizes is not None and not (
        isinstance(sizes, Sequence)
        and len(sizes) == 2
        and all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes)
    ):
        raise ValueError(f"img_size must be a positive number or (height, width); given: {img_size!r}.")
    return img_size
