"""The published HydraNet checkpoints."""

from torch import Tensor

from .rename import rename_keys

_TASKS = {"segm": "semseg", "depth": "depth", "normal": "normals"}
# In the authors' inverted residuals: output.<i>.0 is a convolution, output.<i>.1 its batch norm.
_BLOCK = {"0.0": "conv_pw", "0.1": "bn1", "1.0": "conv_dw", "1.1": "bn2", "2.0": "conv_pwl", "2.1": "bn3"}
_RULES = (
    (r"layer1\.0\.weight", lambda m: "backbone.body.conv_stem.weight"),
    (r"layer1\.1\.(.+)", lambda m: f"backbone.body.bn1.{m[1]}"),
    (
        r"layer(\d)\.(\d+)\.output\.(\d\.\d)\.(.+)",
        lambda m: f"backbone.body.blocks.{int(m[1]) - 2}.{m[2]}.{_BLOCK[m[3]]}.{m[4]}",
    ),
    (r"conv(\d)\.weight", lambda m: f"neck.lateral.{int(m[1]) - 3}.weight"),
    (
        r"crp(\d)\.0\.(\d)_outvar_dimred\.weight",
        lambda m: f"neck.crp.{int(m[1]) - 1}.convs.{int(m[2]) - 1}.weight",
    ),
    (r"conv_adapt(\d)\.weight", lambda m: f"neck.adapt.{int(m[1]) - 2}.weight"),
    (r"pre_(segm|depth|normal)\.weight", lambda m: f"heads.{_TASKS[m[1]]}.pre.weight"),
    (r"(segm|depth|normal)\.(weight|bias)", lambda m: f"heads.{_TASKS[m[1]]}.out.{m[2]}"),
)


def convert_lwrefinenet(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the published HydraNet checkpoints to those of `hydranet_nyud.py` and similar presets.

    The checkpoints belong to Nekrasov et al., "Real-Time Joint Semantic Segmentation and Depth Estimation Using
    Asymmetric Annotations", ICRA 2019.

    Raises:
        ValueError: The checkpoint has keys that the format does not have.
    """
    examples = "layer1.0.weight, crp4.0.1_outvar_dimred.weight, pre_depth.weight"
    return rename_keys(state_dict, _RULES, "lwrefinenet", examples)
