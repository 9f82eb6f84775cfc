"""Networks: backbones, necks, heads, losses, the data preprocessor and the model that joins them."""

from . import backbones, balancers, foreign, heads, losses, necks
from .backbones import CrossStitchBackbone, NDDRBackbone, ParallelBackbones, ResNet38, TimmBackbone
from .data_preprocessor import MultiTaskDataPreprocessor
from .feature_hint import FeatureHint
from .foreign import ForeignModel, OnnxModel, SMPModel, TorchvisionModel
from .forward_pass import ForwardPass, ForwardResult
from .heads import (
    DeepLabV3PlusHead,
    DenseHead,
    DepthHead,
    FixedCameraDepthHead,
    NormalsHead,
    SegmentationHead,
    TaskHead,
)
from .inference_network import InferenceNetwork
from .losses import (
    BinaryCrossEntropyLoss,
    CosineLoss,
    CrossEntropyLoss,
    DenseLoss,
    DiceLoss,
    FocalLoss,
    InverseHuberLoss,
    KLDivergenceLoss,
    L1Loss,
    LovaszLoss,
    ScaleInvariantLogLoss,
)
from .multi_task_model import MultiTaskModel
from .necks import (
    ASPP,
    DPT,
    MTAN,
    ChainedResidualPooling,
    ConcatFeatures,
    CrossTaskAttention,
    DeepLabV3Plus,
    LightWeightRefineNet,
    MTINet,
    NeckOutput,
    PADNet,
    SimpleFeaturePyramid,
    SMPDecoder,
)
from .tta_model import MultiTaskTTAModel

__all__ = [
    "ASPP",
    "BinaryCrossEntropyLoss",
    "ChainedResidualPooling",
    "ConcatFeatures",
    "CosineLoss",
    "CrossEntropyLoss",
    "DPT",
    "CrossStitchBackbone",
    "CrossTaskAttention",
    "DeepLabV3Plus",
    "DeepLabV3PlusHead",
    "DenseHead",
    "DenseLoss",
    "DepthHead",
    "FixedCameraDepthHead",
    "DiceLoss",
    "FeatureHint",
    "FocalLoss",
    "ForeignModel",
    "ForwardPass",
    "ForwardResult",
    "InferenceNetwork",
    "InverseHuberLoss",
    "KLDivergenceLoss",
    "L1Loss",
    "LightWeightRefineNet",
    "LovaszLoss",
    "MTAN",
    "MTINet",
    "MultiTaskDataPreprocessor",
    "MultiTaskModel",
    "MultiTaskTTAModel",
    "NDDRBackbone",
    "NeckOutput",
    "NormalsHead",
    "OnnxModel",
    "PADNet",
    "ParallelBackbones",
    "ResNet38",
    "SMPDecoder",
    "SMPModel",
    "ScaleInvariantLogLoss",
    "SegmentationHead",
    "SimpleFeaturePyramid",
    "TaskHead",
    "TimmBackbone",
    "TorchvisionModel",
    "backbones",
    "balancers",
    "foreign",
    "heads",
    "losses",
    "necks",
]
