"""How the documentation is built: ``make docs``."""

import os
import sys

# oslo.policy's and oslo.config's directives load Kingbird's entry points; what they import
# has to find its backend chosen.
sys.path.insert(0, os.path.abspath("../.."))

from kingbird import concurrency

concurrency.setup()

project = "Kingbird"
copyright = "The Kingbird contributors"

extensions = [
    "openstackdocstheme",
    "oslo_config.sphinxext",
    "oslo_policy.sphinxext",
    "reno.sphinxext",
]

# There is nothing to report to or to link to that every reader could reach.
openstackdocs_auto_name = False
openstackdocs_auto_version = False
version = ""
release = ""

html_theme = "openstackdocs"
html_theme_options = {"display_badge": False, "show_other_versions": False}
pygments_style = "native"
