"""What the contracts of all components that are built from a config share."""

import pytest


class ComponentContract:
    """A component that is built from `config` and tested on each device."""

    config: dict

    @classmethod
    def registered_name(cls):
        """The registered name of what is tested."""
        return cls.config["type"]

    @pytest.fixture(autouse=True)
    def _on_device(self, device):
        self.device = device
