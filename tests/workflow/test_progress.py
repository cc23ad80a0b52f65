"""Whole runs: in a terminal, into a pipe, quiet; and the targets that a run lists."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios

import pytest

from project import ROOT, Project

LAST_ROUND = "results/tiny/runs/photos/seed0/imp/round3/mask.safetensors"
RANDOM_MASK = "results/tiny/runs/photos/seed0/random/round3/mask.safetensors"
STAMPED = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", re.MULTILINE)


@pytest.fixture
def one_round(continued) -> Project:
    """All is done but the last round of a chain; the log of its first run is still there."""
    (continued.folder / LAST_ROUND).unlink()
    return continued


def in_terminal(project: Project, *arguments: str, size=(24, 100)) -> tuple[int, str]:
    """Exit code, and what a terminal was sent."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(project.folder)
        os.environ.update({"TERM": "xterm-256color", "PYTHONUTF8": "1"})
        os.execv(sys.executable, [sys.executable, "-m", "snakemake", "--configfile", "configs/tiny.yaml", *arguments])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    shown = bytearray()
    try:
        while new := os.read(terminal, 1 << 16):
            shown.extend(new)
    except OSError:  # the other end has gone
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_in_a_terminal_a_picture_follows_the_run(one_round):
    code, shown = in_terminal(one_round, "--cores", "1", LAST_ROUND)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert code == 0, plain
    assert re.search(r"winnow tiny  0 of 1 jobs  \S+ s  about \d+ s left", plain)  # as long as the round took before
    assert re.search(r"photos +0 +imp +▒▒▒[·▁]", plain)  # the round may be over before it is drawn in its course
    last = plain[plain.rindex("winnow tiny") :]
    assert re.match(r"winnow tiny  1 of 1 jobs", last)
    assert re.search(r"photos +0 +imp +▒▒▒█ +40/40 +\d\.\d+ +0\.\d{3} +\d", last)
    assert "Figures: results/tiny/figures/" in last and "Complete log(s): " in last  # below it
    assert "rule prune_imp_round" not in plain and "Finished jobid" not in plain
    assert shown.count("\x1b[?25h") >= shown.count("\x1b[?25l") > 0  # the cursor is there again
    (log,) = sorted((one_round.folder / ".snakemake/log").glob("*.log"))[-1:]
    assert "rule prune_imp_round:" in log.read_text()  # all of Snakemake's words are in its own log


def test_an_error_stands_above_the_picture(one_round):
    damaged = one_round.folder / "results/tiny/runs/photos/seed0/imp/round2/mask.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    code, shown = in_terminal(one_round, "--cores", "1", LAST_ROUND)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert code == 1
    assert plain.count("StoreError: results/tiny/runs/photos/seed0/imp/round2/mask.safetensors: does not match") == 1
    assert plain.count("Error in rule prune_imp_round:") == 1 and "(check log file(s) for error details)" in plain
    last = plain[plain.rindex("winnow tiny") :]
    assert last.startswith("winnow tiny  0 of 1 jobs, 1 failed") and re.search(r"photos +0 +imp +▒▒▒✗", last)
    assert " left" not in last
    log = (one_round.folder / "results/tiny/logs/prune_imp_round/photos_seed0_imp_round3.log").read_text()
    assert re.search(r"^\S+ \S+ ERROR failed after \d\S* s\nmade by ", log, re.MULTILINE)


def test_into_a_pipe_go_lines_with_times(one_round):
    before = one_round.results("**/training.parquet")
    said = one_round.snakemake("--cores", "1", LAST_ROUND)
    after = said[said.index("\n\n", said.index("Job stats:")) :].strip().splitlines()
    # Where the machine is busy, there is one a minute for the whole run, too.
    started, done, *rest = [line for line in after if "1 jobs done, " not in line]
    assert STAMPED.sub("", started) == "started prune_imp_round: photos, imp, seed 0, round 3"
    of_round = (
        r"done prune_imp_round: photos, imp, seed 0, round 3 \(\S+ s, loss \S+, accuracy \S+, \S+ steps/s\); 1 of 1"
    )
    assert re.fullmatch(rf"{of_round} jobs", STAMPED.sub("", done))
    assert all("\x1b" not in line for line in after) and len(rest) == 5, said
    log = (one_round.folder / "results/tiny/logs/prune_imp_round/photos_seed0_imp_round3.log").read_text().splitlines()
    *steps, end, maker = log
    assert all(STAMPED.match(line) for line in [*steps, end]) and maker.startswith("made by ")
    assert re.search(r"INFO step 40 of 40: loss \S+ and validation accuracy \S+ by step 40, \S+ steps/s$", steps[-1])
    assert re.search(r"INFO done after \S+ s$", end)
    assert one_round.results("**/training.parquet") == before


@pytest.fixture
def random_masks(continued) -> Project:
    """All is done but a job that takes no time."""
    (continued.folder / RANDOM_MASK).unlink()
    return continued


@pytest.mark.parametrize(("quiet", "stats"), [(["--quiet"], False), (["--quiet", "rules"], True)])
def test_quiet_is_quiet(random_masks, quiet, stats):
    said = random_masks.snakemake("--cores", "1", RANDOM_MASK, *quiet)
    assert (random_masks.folder / RANDOM_MASK).exists()
    assert ("Job stats:" in said) == stats and "prune_random:" not in said
    assert not STAMPED.search(said.partition("Figures: ")[0])


def test_snakemakes_own_words_may_be_had(random_masks, monkeypatch):
    monkeypatch.setenv("WINNOW_PROGRESS", "snakemake")
    said = random_masks.snakemake("--cores", "1", RANDOM_MASK)
    assert "rule prune_random:" in said and "1 of 1 steps (100%) done" in said


def test_the_targets_are_listed_from_what_their_rules_say(finished):
    said = finished.snakemake("--dry-run", "help_targets")
    listed = said.partition("Job 0: targets, as in `snakemake --cores 8 fig4`:\n")[2].partition("\nReason:")[0]
    lines = dict(re.findall(r"^  (\w+) +(\S.*)$", listed, re.MULTILINE))
    assert len(listed.splitlines()) == len(lines) and {"all", "claims", "explorer", "methods", "fig1"} <= lines.keys()
    of_rules = dict(re.findall(r"^(\w+) \((.*)\)$", finished.snakemake("--list-target-rules"), re.MULTILINE))
    assert of_rules == lines | {"help_targets": "This list."}
    figures = {name: text for name, text in lines.items() if re.fullmatch(r"fig\d+", name)}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| `(fig\d+)` \| (.*?)(?: \(\[.*\]\(.*\)\))? \|$", readme, re.MULTILINE))
    assert figures.items() <= {name: f"{text[0].upper()}{text[1:]}." for name, text in shown.items()}.items()
    page = (ROOT / "docs/progress.md").read_text(encoding="utf-8")
    on_page = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert {name: on_page[name] for name in lines.keys() - figures.keys()}.items() <= lines.items()
