from collections.abc import Callable
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.utils._pytree import tree_map_only


class TaskData(BaseDataElement):
    """The labels or the predictions of one image by task.

    A field is a map (C, H, W), a vector, a scalar, or a tree (dict, list, tuple) of tensors. A task without a label is
    a field that does not exist. Fields keep their order, so that pictures and tables show tasks in the model's order.
    """

    def keys(self) -> list[str]:
        """The tasks in the order in which they were added."""
        return [name for name in vars(self) if name in self._data_fields]

    def to(self, *args: Any, **kwargs: Any) -> "TaskData":
        return self._mapped(lambda tensor: tensor.to(*args, **kwargs))

    def cpu(self) -> "TaskData":
        return self._mapped(Tensor.cpu)

    def cuda(self) -> "TaskData":
        return self._mapped(Tensor.cuda)

    def detach(self) -> "TaskData":
        return self._mapped(Tensor.detach)

    def numpy(self) -> "TaskData":
        return self._mapped(lambda tensor: tensor.detach().cpu().numpy())

    def _mapped(self, function: Callable[[Tensor], Any]) -> "TaskData":
        fields = {task: tree_map_only(torch.Tensor, function, value) for task, value in self.items()}
        return type(self)(metainfo=self.metainfo, **fields)
