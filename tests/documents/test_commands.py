"""Every call of Snakemake in the documents is one that it accepts, with settings that make sense.

Nothing is started: the calls go through Snakemake's own reading of arguments, and the configuration through ours.
"""

import re
from collections.abc import Mapping

import pytest
import yaml
from pages import DOCUMENTS, own_images, read, snakemake_calls
from snakemake.cli import parse_args, parse_config
from snakemake.utils import update_config

from project import ROOT, copy_project, lay_out_data
from winnow.config.parse import parse_config as check_settings

EXECUTED = ["docs/extending.md"]
"""Documents whose calls need code that they add; `test_documents` runs them all."""
TARGET = re.compile(
    r"fig[1-9]|fig10|figures|claims|methods|sensitivity|tables|trends|films|help_targets|results/[\w/.-]+"
)
CALLS = [
    (document, call) for document in DOCUMENTS if document not in EXECUTED for call in snakemake_calls(read(document))
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with the files that the shipped experiments and the README's example ask for."""
    project = copy_project(tmp_path_factory.mktemp("commands") / "project")
    own_images(project.folder)
    lay_out_data(project.folder)
    site = project.folder / "my-site"
    site.mkdir()
    (site / "config.yaml").write_text("{}\n")
    return project


def numbers(value):
    """Values of `--config` as Snakemake hands them on: those within braces and brackets read as YAML, too."""
    if isinstance(value, Mapping):
        return {key: numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [numbers(inner) for inner in value]
    return yaml.safe_load(value) if isinstance(value, str) else value


@pytest.mark.parametrize(("document", "call"), CALLS, ids=[f"{doc}: {' '.join(call)}" for doc, call in CALLS])
def test_a_call_is_accepted(document, call, project, monkeypatch):
    monkeypatch.chdir(project.folder)
    arguments = parse_args(call)[1]
    settings = {}
    for file in arguments.configfile or ["config.yaml"]:
        update_config(settings, yaml.safe_load((project.folder / file).read_text(encoding="utf-8")))
    update_config(settings, numbers(parse_config(arguments.config)))
    check_settings(settings, document)
    assert all(TARGET.fullmatch(target) for target in arguments.targets), arguments.targets
    for rule in arguments.forcerun or []:
        assert rule.startswith("results/") or f"rule {rule}:" in "".join(
            path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk")
        )


def test_there_are_calls_in_these_documents():
    named = {document for document, _ in CALLS}
    assert {"README.md", *(f"docs/{name}.md" for name in ("faq", "findings", "paper", "settings"))} <= named
