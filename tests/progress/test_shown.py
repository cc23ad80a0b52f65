"""Lines, and the picture at several sizes."""

import io
import re

import pytest
from rich.console import Console

from progress.made import Made, trains, write
from winnow.progress import words
from winnow.progress.lines import EVERY, Lines
from winnow.progress.run import Job, Run, State
from winnow.progress.targets import list_targets
from winnow.progress.view import View


@pytest.fixture
def made(tmp_path) -> Made:
    """In the middle of it: a chain trains, another has failed."""
    made = Made(tmp_path)
    made.do("prepare_dataset")
    made.do("train_dense", seed=0)
    made.do("prune_imp_first_round", seconds=1.0, seed=0)
    trains(made.begin("prune_imp_round", seed=0, round=2), 60)
    made.run.fail(made.begin("train_dense", seed=1).number)
    write(made.begin("measure_locality", seed=0), "on the processors: numpy")
    made.run.read_logs()
    made.now += 2.0
    return made


def drawn(run, width=100, height=20, **options) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None, **options)
    console.print(View(run), height=height)
    return console.file.getvalue().rstrip("\n").split("\n")


def said(run, **options) -> tuple[Lines, io.StringIO]:
    stream = io.StringIO()
    return Lines(run, stream, **options), stream


def test_the_picture_has_it_all(made):
    head, titles, one, other, kinds, now = (line.rstrip() for line in drawn(made.run))
    assert head == "winnow demo  3 of 13 jobs, 1 failed  23 s  about 25 s left"
    assert titles.split() == ["data", "seed", "method", "rounds", "0–3", "step", "loss", "accuracy", "steps/s"]
    assert one.split() == ["edges", "0", "imp", "██▅·", "60/100", "0.5", "0.750", "4"]
    assert other.split() == ["edges", "1", "imp", "✗···"]
    assert kinds == "data 1/1  measures 0/2  tables and figures 0/2"
    assert now == "now measure_locality: edges, imp, seed 0, 2.0 s  on the processors: numpy"


def test_the_picture_has_what_a_training_does_before_its_first_step(made):
    write(job := made.begin("prune_imp_first_round", seed=1), "compiling the loops")
    made.run.read_logs()
    assert drawn(made.run)[-1].rstrip() == "now prune_imp_first_round: edges, imp, seed 1, 0.0 s  compiling the loops"
    trains(job, 10)
    made.run.read_logs()
    assert "compiling" not in "".join(drawn(made.run))


@pytest.mark.parametrize("width", [20, 72, 200])
@pytest.mark.parametrize("height", [3, 12, 60])
@pytest.mark.parametrize("seeds", [1, 40])
def test_the_picture_fits(tmp_path, width, height, seeds):
    made = Made(tmp_path, seeds=tuple(range(seeds)), rounds=30)
    made.begin("train_dense", seed=seeds - 1)
    lines = drawn(made.run, width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    if seeds == 40 and width >= 72 and 6 <= height < 40:
        assert lines[2].split()[1] == "39"  # what runs comes first
        assert re.search(r"… and \d+ more chains: \d+ waiting", "\n".join(lines))


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (200, ["step", "loss", "accuracy", "steps/s"]),
        (80, ["step", "loss", "accuracy", "steps/s"]),
        (64, ["step", "loss", "accuracy"]),
        (55, ["done", "loss", "accuracy"]),
        (47, ["done", "accuracy"]),
        (42, ["accuracy"]),
    ],
)
def test_where_there_is_little_room_the_less_important_numbers_go(made, width, titles):
    lines = drawn(made.run, width)
    assert lines[1].split()[5:] == titles
    assert ("60/100" in lines[2]) == ("step" in titles) and ("60%" in lines[2]) == ("done" in titles)
    assert "██▅·" in lines[2] and lines[2].startswith("edges  0     imp ")


def test_a_terminal_without_unicode_has_a_picture_in_ascii(made):
    class Latin(io.StringIO):
        encoding = "ascii"

    console = Console(file=Latin(), width=100, height=20, force_terminal=True, color_system=None)
    console.print(View(made.run))
    assert console.file.getvalue().isascii() and "##+." in console.file.getvalue()


def test_each_event_is_a_line_with_its_time(made):
    lines, stream = said(made.run)
    lines.tell()
    told = stream.getvalue().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in told)
    assert [line[20:] for line in told] == [
        "started prepare_dataset: edges",
        "done prepare_dataset: edges (10 s); 1 of 13 jobs",
        "started train_dense: edges, seed 0",
        "done train_dense: edges, seed 0 (10 s); 2 of 13 jobs",
        "started prune_imp_first_round: edges, imp, seed 0",
        "done prune_imp_first_round: edges, imp, seed 0 (1.0 s); 3 of 13 jobs",
        "started prune_imp_round: edges, imp, seed 0, round 2",
        "started train_dense: edges, seed 1",
        "failed train_dense: edges, seed 1",
        "started measure_locality: edges, imp, seed 0",
    ]
    lines.tell()
    assert len(stream.getvalue().splitlines()) == len(told)


def test_once_a_minute_the_whole_run_is_a_line_and_the_only_one_if_jobs_are_not_wanted(made):
    lines, stream = said(made.run, jobs=False)
    lines.tell()
    assert stream.getvalue() == ""
    made.now += EVERY
    lines.tell()
    lines.tell()
    assert stream.getvalue()[20:] == (
        "3 of 13 jobs done, 1 failed, 2 running; prune_imp_round: edges, imp, seed 0, round 2: step 60 of 100, "
        "loss 0.5, accuracy 0.750, 4 steps/s; about 25 s left\n"
    )


def test_what_is_handed_over_together_is_one_line(tmp_path):
    made = Made(tmp_path, remote=True)
    lines, stream = said(made.run)
    made.begin("prepare_dataset")
    lines.tell()
    made.begin("train_dense", seed=0)
    made.begin("prune_imp_round", seed=0, round=2)
    made.begin("prune_imp_round", seed=0, round=3)
    lines.tell()
    assert [line[20:] for line in stream.getvalue().splitlines()] == [
        "submitted prepare_dataset: edges",
        "submitted 3 jobs: train_dense, prune_imp_round",
    ]


def test_jobs_that_do_nothing_are_counted_and_not_told(made):
    lines, stream = said(made.run)
    made.run.news.clear()
    (last,) = [job for job in made.run.jobs.values() if job.rule == "all"]
    made.run.begin(last.number)
    made.run.finish(last.number)
    lines.tell()
    assert stream.getvalue() == "" and made.run.count()[State.DONE] == 4


def test_a_message_of_several_lines_has_one_time():
    lines, stream = said(Run())
    lines.message("\n[Sun Nov  1 16:59:14 2026]\nError in rule a:\n    jobid: 3\n")
    assert re.fullmatch(r"\S+ \S+ Error in rule a:\n    jobid: 3\n", stream.getvalue())


@pytest.mark.parametrize(
    ("seconds", "long", "rest"),
    [
        (0.04, "0.0 s", "about 5 s left"),
        (9.94, "9.9 s", "about 10 s left"),
        (89, "89 s", "about 90 s left"),
        (100, "1 min 40 s", "about 2 min left"),
        (599, "9 min 59 s", "about 10 min left"),
        (1234, "21 min", "about 21 min left"),
        (3 * 3600 + 125, "3 h 2 min", "about 3 h 2 min left"),
        (50 * 3600, "2 d 2 h", "about 2 d 2 h left"),
    ],
)
def test_times_as_words(seconds, long, rest):
    assert words.duration(seconds) == long and words.left(seconds) == rest


def test_names_leave_out_the_experiment_and_end_with_the_round():
    job = Job(1, "some", {"experiment": "demo", "round": "3", "seed": "0", "dataset": "edges"})
    assert words.name_of(job) == "some: edges, seed 0, round 3" and words.name_of(Job(2, "all")) == "all"


def test_targets_are_a_line_each():
    listed = list_targets({"all": "Everything.\n\nMore.", "fig10": None, "{odd}": "  Odd {x}."})
    assert listed.splitlines()[1:] == ["  all    Everything.", "  fig10", "  {odd}  Odd {x}."]
    assert list_targets({}).count("\n") == 0
