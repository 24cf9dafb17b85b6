"""What installing Tocsin, or building its wheel, makes first: catalogues of translations."""

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CATALOGUES = Path("src", "tocsin", "node", "catalogues.py")


class Catalogues(BuildHookInterface[Any]):
    """Compiles each `django.po`; Tocsin itself need not be installed for it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Before the files of the wheel are gathered."""
        if self.target_name != "wheel":
            return
        spec = importlib.util.spec_from_file_location("catalogues", Path(self.root, CATALOGUES))
        if spec is None or spec.loader is None:
            raise FileNotFoundError(CATALOGUES)
        catalogues = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(catalogues)
        catalogues.compile_all()
