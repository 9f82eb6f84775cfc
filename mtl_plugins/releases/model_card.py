"""The model card of a release, in the form of the Hugging Face hub: YAML between two lines of dashes, then Markdown."""

import json
import re
from collections.abc import Sequence
from typing import Any

from .description import DESCRIPTION_FILE, WEIGHTS_FILE

_NOT_STATED = "Not stated."


def model_card(description: dict[str, Any], front_matter: bool = True) -> str:
    """The text of `README.md` from the description of a release.

    Args:
        description: The content of `model.json`.
        front_matter: Whether to begin with the YAML for the hub.
    """
    name, weights = description["name"], description["weights"]
    licence = description.get("licence") or _NOT_STATED
    tasks = [f"| {task} | {about} |" for task, about in description.get("tasks", {}).items()]
    sections = [
        _front_matter(description) if front_matter else "",
        f"# {name}",
        description.get("about", ""),
        "## Use",
        f"```bash\nmtl predict {name} 'photos/*.jpg' --out predicted\n```",
        f'```python\nfrom mtl_plugins.apis import MultiTaskInferencer\n\npredict = MultiTaskInferencer("{name}")\n'
        'maps = predict("photos/example.jpg")\n```',
        "Both also accept the path of this folder.",
        "## Tasks",
        "\n".join(["| task | output |", "|---|---|", *tasks]),
        *_limits(description),
        *_metrics(description),
        "## Licence and data",
        f"Licence of the weights: {licence}",
        f"Data: {description.get('attribution') or _NOT_STATED}",
        "## Files",
        f"- `{WEIGHTS_FILE}`: {weights.get('parameters', 0):,} parameters, {weights.get('precision', '')}, "
        f"{weights['size'] / 1e6:.1f} MB, sha256 `{weights['sha256']}`\n"
        f"- `{DESCRIPTION_FILE}`: the network, the classes and the metrics as plain data. Loading executes nothing in "
        "this folder.",
        *_differences(weights),
        f"Trained with the config `{description.get('trained_with', '')}`; written by "
        f"{', '.join(f'{library} {version}' for library, version in description.get('versions', {}).items())}.",
    ]
    return "\n\n".join(part for part in sections if part) + "\n"


def _front_matter(description: dict[str, Any]) -> str:
    values = dict(library_name="mtl-plugins", tags=["multi-task-learning", *description.get("tasks", {})])
    if licence := description.get("licence"):
        is_identifier = re.fullmatch(r"[\w.+-]+", licence)  # of SPDX, in lower case on the hub
        values |= dict(license=licence.lower()) if is_identifier else dict(license="other", license_name=licence)
    lines = [f"{key}: {json.dumps(value)}" for key, value in values.items()]  # JSON is YAML
    return "\n".join(["---", *lines, "---"])


def _limits(description: dict[str, Any]) -> list[str]:
    return ["## Limits", note] if (note := description.get("note")) else []


def _metrics(description: dict[str, Any]) -> list[str]:
    metrics, units = description.get("metrics"), description.get("units", {})
    if not metrics:
        return []
    rows = [
        f"| {name} | {'not defined' if value is None else f'{value:.4g}'} | {units.get(name, '')} |"
        for name, value in sorted(metrics.items())
    ]
    protocols = [f"- {task}: {protocol}" for task, protocol in description.get("protocols", {}).items()]
    return [
        "## Metrics",
        _measured_on(description),
        "\n".join(["| metric | value | unit |", "|---|---|---|", *rows]),
        "\n".join(protocols),
    ]


def _measured_on(description: dict[str, Any]) -> str:
    """The data, the number of images and the size of the input; releases of older versions do not state the number."""
    where, images = description.get("evaluated_on"), description.get("images", {})
    if len(counts := set(images.values())) == 1:
        numbers = [_count(counts.pop())]
    else:
        numbers = [f"{_count(count)} for {task}" for task, count in images.items()]
    sentences = [f"On {': '.join(filter(None, [where, ', '.join(numbers)]))}."] if where or numbers else []
    if size := _input_size(description["predict_pipeline"]):
        shown = f"{size[0]}×{size[1]} pixels (H×W)" if len(size) == 2 else f"{size[0]} pixels on the shorter side"
        sentences.append(f"Images are resized to {shown}.")
    return " ".join(sentences)


def _count(images: int) -> str:
    return f"{images:,} image{'s' * (images != 1)}"


def _input_size(pipeline: list[dict[str, Any]]) -> Sequence[int] | None:
    """The size of the last transform that resizes: (H, W), or (shorter side,)."""
    size = next((transform.get("size") for transform in reversed(pipeline) if "Resize" in transform["type"]), None)
    return (size,) if isinstance(size, int) else size


def _differences(weights: dict[str, Any]) -> list[str]:
    if not (differences := weights.get("differences")):
        return []
    listed = ", ".join(f"{task} {value:.1e}" for task, value in differences.items())
    return [f"Largest difference from the weights of the training, as a share of each output's range: {listed}."]
