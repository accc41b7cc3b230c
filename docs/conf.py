# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx builds the documentation site. tests/tools/docs_site.py runs it (`make docs-site`)."""

import os
from pathlib import Path

import yaml
from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

_galaxy = yaml.safe_load((Path(__file__).parents[1] / "galaxy.yml").read_text())
_repository = os.environ.get("REPOSITORY", "").rstrip("/")
# Pages with tables that are as wide as the page.
_wide = ("access", "benchmarks", "promises", "reliability", "variables")

project = f"{_galaxy['namespace']}.{_galaxy['name']}"
author = _galaxy["authors"][0]
project_copyright = author
version = release = str(_galaxy["version"])

extensions = ["myst_parser", "sphinx_antsibull_ext", "sphinx_copybutton"]
myst_enable_extensions = ["alert"]
# As deep as pages have headings, so that each link to one is checked.
myst_heading_anchors = 4
highlight_language = "none"
# The site shows diagrams as text. GitHub draws them.
lexers["mermaid"] = TextLexer()
# A message has to be found as it is printed.
smartquotes = False

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {
    "logo": {"text": project},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher", "navbar-icon-links"],
    "show_prev_next": False,
    "secondary_sidebar_items": {"**": ["page-toc"]} | {f"reference/{page}": [] for page in _wide},
    "footer_start": ["copyright"],
    "footer_end": [],
}
if _repository:
    _link = {"name": "Repository", "url": _repository, "icon": "fa-solid fa-code-branch"}
    html_theme_options["icon_links"] = [_link]

linkcheck_ignore = [
    # They stand for the reader's own hub.
    r"https?://(.*\.)?hub\.example\.org",
    r"https?://127\.0\.0\.1",
    # antsibull-docs writes where a collection is published, whether it is there yet or not.
    r"https://.*/published/collab/jupyterhub/",
]
linkcheck_timeout = 15
linkcheck_retries = 2
