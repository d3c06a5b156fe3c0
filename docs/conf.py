"""Sphinx configuration: `make docs`."""

project = "scriptmode"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "scriptmode"
autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpicky = False
exclude_patterns = ["_build"]
html_extra_path = ["scriptmode.schema.json"]
