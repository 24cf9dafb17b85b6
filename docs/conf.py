"""How the documentation is built: `make docs`."""

from tocsin import __version__

project = "Tocsin"
author = "the Tocsin contributors"
copyright = "the Tocsin contributors, EUPL-1.2"
release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "Tocsin"
html_show_sphinx = False
