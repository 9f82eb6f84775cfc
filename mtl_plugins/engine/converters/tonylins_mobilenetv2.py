"""The ImageNet weights from which HydraNet's authors trained."""

import re

import torch
from torch import Tensor

from .rename import rename_keys

_REPEATS = (1, 2, 3, 4, 3, 3, 1)  # blocks of each stage
_PLACES = [(stage, block) for stage, repeats in enumerate(_REPEATS) for block in range(repeats)]
_LAYERS = {"0": "conv_pw", "1": "bn1", "3": "conv_dw", "4": "bn2", "6": "conv_pwl", "7": "bn3"}
# The later release has no 1x1 convolution in front of its first block, like timm's `mobilenetv2_100`.
_FIRST_LAYERS = {"0": "conv_dw", "1": "bn1", "3": "conv_pw", "4": "bn2"}


def convert_tonylins_mobilenetv2(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename ImageNet weights of the repository pytorch-mobilenet-v2 to timm's names.

    The first release (`mobilenetv2_718.pth.tar`) has the encoder of HydraNet's authors and gets the names of
    `mobilenetv2_hydranet`; the later one (`mobilenetv2_1.0-*.pth.tar`) gets those of `mobilenetv2_100`. Both are values
    for `model.backbone.pretrained` of `mobilenetv2_hydranet`.

    Raises:
        ValueError: The checkpoint has keys that the format does not have.
    """
    names = [name.removeprefix("module.") for name in state_dict]
    first_layers = _LAYERS if "features.1.conv.6.weight" in names else _FIRST_LAYERS

    def layer(match: re.Match) -> str:
        number = int(match[1])
        stage, block = _PLACES[number - 1]
        layers = first_layers if number == 1 else _LAYERS
        return f"blocks.{stage}.{block}.{layers[match[2]]}.{match[3]}"

    first = "|".join(first_layers)
    rules = (
        (r"features\.0\.0\.weight", lambda m: "conv_stem.weight"),
        (r"features\.0\.1\.(.+)", lambda m: f"bn1.{m[1]}"),
        (rf"features\.(1)\.conv\.({first})\.(.+)", layer),
        (r"features\.([2-9]|1[0-7])\.conv\.([013467])\.(.+)", layer),
        (r"features\.18\.0\.weight", lambda m: "conv_head.weight"),
        (r"features\.18\.1\.(.+)", lambda m: f"bn2.{m[1]}"),
        (r"classifier(?:\.1)?\.(weight|bias)", lambda m: f"classifier.{m[1]}"),
    )
    examples = "features.0.0.weight, features.2.conv.3.weight, classifier.1.weight"
    converted = rename_keys(state_dict, rules, "tonylins-mobilenetv2", examples)
    for name in list(converted):
        if name.endswith(".running_var"):  # files of PyTorch 0.3 do not count the batches
            converted.setdefault(name.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    return converted
