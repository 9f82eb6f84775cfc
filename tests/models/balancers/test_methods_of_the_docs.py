"""The tables of docs/balancing.md list every balancer and what scales its heads."""

import re

from mtl_plugins.models.balancers import GradientBalancer, LossBalancer, balancer_names
from mtl_plugins.registry import MODELS


def test_every_balancer_is_listed(root):
    text = (root / "docs/balancing.md").read_text().partition("## Methods")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "| `" in line]
    listed = {row[0].strip("`"): row[1:] for row in rows}
    ours = [name for name in balancer_names() if MODELS.get(name).__module__.startswith("mtl_plugins.")]
    assert sorted(listed) == ours
    for name, row in listed.items():
        kind = MODELS.get(name)
        if issubclass(kind, LossBalancer):
            assert len(row) == 4
        else:
            assert issubclass(kind, GradientBalancer)
            assert row[3] == ("yes" if kind.heads_are_scaled else "no"), name
    memory = re.search(r"only at the parameters:(.*)", text, re.S)[1]
    assert {n for n in listed if f"`{n}`" in memory} == {
        n for n in ours if getattr(MODELS.get(n), "places", None) == ("parameters",)
    }
