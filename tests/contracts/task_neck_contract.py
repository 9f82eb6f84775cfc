"""The contract of necks with features for each task: that of every neck, and that of a model with it."""

from collections.abc import Mapping

import torch
from torch import nn

from mtl_plugins.models import NeckOutput
from mtl_plugins.registry import MODELS

from .interaction_contract import InteractionContract
from .neck_contract import NeckContract

TASKS = ("semseg", "depth", "edge")


class _Head(nn.Module):
    out_channels = 3


class Flat(nn.Module):
    """A neck whose outputs for all tasks are one list, auxiliary outputs last."""

    def __init__(self, neck):
        super().__init__()
        self.neck = neck
        if hasattr(neck, "attach"):
            neck.attach({task: _Head() for task in TASKS})

    @property
    def out_channels(self):
        return self._of_tasks(self.neck.out_channels)

    @property
    def out_strides(self):
        return self._of_tasks(self.neck.out_strides)

    def forward(self, features):
        returned = self.neck(features)
        features, auxiliary = returned if isinstance(returned, NeckOutput) else (returned, {})
        assert set(features) == set(TASKS)
        return [x for part in (features, auxiliary) for task in part for x in part[task]]

    @staticmethod
    def _of_tasks(values):
        of_task = values if isinstance(values, Mapping) else dict.fromkeys(TASKS, values)
        return tuple(value for task in TASKS for value in of_task[task])


class TaskNeckContract(NeckContract, InteractionContract):
    """The tests of every neck with features for each task."""

    most_stages = 4

    @property
    def parts(self):
        return dict(neck=self.config)

    def build(self, channels=(3, 4, 5), strides=(4, 8, 16), **options):
        torch.manual_seed(0)
        config = dict(in_channels=channels, in_strides=strides, tasks=TASKS, **self.config) | options
        return Flat(MODELS.build(config)).eval().to(self.device)
