from collections.abc import Callable
from typing import Any

from mmengine.dist import broadcast_object_list, get_world_size, is_main_process


def on_main_process(function: Callable[[], Any]) -> Any:
    """Call a function in the main process only; call this in all processes.

    Returns:
        The function's result, in all processes. Its error is raised in all of them, too.
    """
    if get_world_size() == 1:
        return function()
    result: list[Any] = [None, None]
    if is_main_process():
        try:
            result[0] = function()
        except (ValueError, OSError) as error:
            result[1] = error
    broadcast_object_list(result, src=0)
    if result[1] is not None:
        raise result[1]
    return result[0]
