"""The published DeepLabV3+ checkpoints for Cityscapes."""

import re

from torch import Tensor

from .rename import rename_keys

_FINAL = {"0": "pre.0.0", "1": "pre.0.1", "3": "pre.1.0", "4": "pre.1.1", "6": "out"}


def _block(match: re.Match) -> str:
    return f"backbone.stages.{int(match[1]) - 2}.{int(match[2]) - 1}"


_RULES = (
    (r"mod1\.conv1\.weight", lambda m: "backbone.stem.weight"),
    (r"mod([2-7])\.block(\d)\.(?:convs\.)?bn([1-3])\.0\.(\w+)", lambda m: f"{_block(m)}.norms.{int(m[3]) - 1}.{m[4]}"),
    (r"mod([2-7])\.block(\d)\.convs\.conv([1-3])\.weight", lambda m: f"{_block(m)}.convs.{int(m[3]) - 1}.weight"),
    (r"mod([2-7])\.block(\d)\.proj_conv\.weight", lambda m: f"{_block(m)}.shortcut.weight"),
    (r"aspp\.img_conv\.([01])\.(\w+)", lambda m: f"neck.pooled.{m[1]}.{m[2]}"),
    (r"aspp\.features\.([0-3])\.([01])\.(\w+)", lambda m: f"neck.branches.{m[1]}.{m[2]}.{m[3]}"),
    (r"bot_aspp\.weight", lambda m: "neck.project.weight"),
    (r"bot_fine\.weight", lambda m: "neck.fine.weight"),
    (r"final\.([01346])\.(\w+)", lambda m: f"heads.semseg.{_FINAL[m[1]]}.{m[2]}"),
)


def convert_wrn38_cityscapes(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of DeepLabV3+ with WideResNet-38 for Cityscapes to those of `teachers/wrn38_cityscapes.py`.

    The checkpoints belong to Zhu et al., "Improving Semantic Segmentation via Video Propagation and Label Relaxation",
    CVPR 2019.

    Raises:
        ValueError: The checkpoint has keys that the format does not have.
    """
    examples = "mod2.block1.convs.conv1.weight, aspp.img_conv.0.weight, final.6.weight"
    return rename_keys(state_dict, _RULES, "wrn38-cityscapes", examples)
