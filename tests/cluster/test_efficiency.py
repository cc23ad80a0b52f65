"""What is made of Slurm's accounting."""

from pathlib import Path

import pytest

from slurm.efficiency import megabytes, read, seconds, table

# As `sacct --parsable2` prints it.
SAID = """\
12|winnow-chain|COMPLETED|200|60|03:20.5|2|4000M||/home/me/winnow
12.batch|batch|COMPLETED|200||03:20.5|2||1500.50M|
12.extern|extern|COMPLETED|200||00:00.001|2||2M|
13|winnow-measures|CANCELLED by 1000|0|UNLIMITED|00:00:00|8|2Gn||/home/me/winnow
14|other|COMPLETED|10|1|00:01|1|100M||/home/me/winnow
15|winnow-chain|COMPLETED|10|1|00:01|1|100M||/home/me/another
"""


@pytest.mark.parametrize(
    ("text", "value"), [("00:00.001", 0.001), ("03:20.5", 200.5), ("1-02:03:04", 93784), ("01:00:00", 3600)]
)
def test_times(text, value):
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(("text", "value"), [("1500.50M", 1500.5), ("2Gn", 2000), ("512K", 0.512), ("", 0)])
def test_memory(text, value):
    assert megabytes(text) == pytest.approx(value)


def test_the_folders_jobs_and_what_they_used():
    jobs = read(SAID, Path("/home/me/winnow"))
    assert list(jobs) == ["12", "13"]
    assert (jobs["12"].memory, jobs["12"].cpu, jobs["12"].limit) == (1500.5, 200.5, 3600)
    _, first, second = table(jobs).splitlines()
    assert "6%" in first and "50%" in first and "1500 of 4000 MB" in first
    assert "CANCELLED" in second and "not measured" in second
