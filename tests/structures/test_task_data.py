import copy
import pickle

import torch

from mtl_plugins.structures import TaskData

TASKS = ["semseg", "depth", "normals", "albedo", "edge", "saliency"]  # sets would order them differently in every run


def test_tasks_keep_their_order():
    data = TaskData(**{task: torch.zeros(1, 2, 2) for task in TASKS})
    for same in (data, data.cpu(), data.new(), copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        assert same.keys() == TASKS and [task for task, _ in same.items()] == TASKS


def test_removed_and_added_tasks():
    data = TaskData(**{task: torch.zeros(1) for task in TASKS})
    del data.depth
    data.depth = torch.ones(1)
    data.set_metainfo(dict(pseudo=("depth",)))
    assert data.keys() == [*(task for task in TASKS if task != "depth"), "depth"]
