"""As a part of another workflow, in another folder: `module`."""

import subprocess
import sys

OUTER = """
configfile: "settings.yaml"


module winnow:
    snakefile:
        {snakefile!r}
    config:
        config["masks"]


use rule * from winnow as winnow_*
"""


def test_another_workflow_has_this_one_as_a_module(fresh, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    (outer / "Snakefile").write_text(OUTER.format(snakefile=str(fresh.folder / "Snakefile")))
    settings = (fresh.folder / "configs/tiny.yaml").read_text()
    (outer / "settings.yaml").write_text("masks:\n" + "".join(f"  {line}\n" for line in settings.splitlines()))
    for arguments, done in ((["-n"], "winnow_record_run"), (["--cores", "2", "winnow_fig2"], "(100%) done")):
        said = subprocess.run(
            [sys.executable, "-m", "snakemake", *arguments], cwd=outer, text=True, capture_output=True, timeout=600
        )
        assert said.returncode == 0 and done in said.stdout + said.stderr, said.stderr[-4000:]
    assert (outer / "results/tiny/figures/fig2.png").exists()
