"""Files damaged at random are read, or refused by the reader's own error: soon, in little memory, leaving nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.damage import CHANGES, PLACES, VALUES, Edit
from fuzz.readers import READERS, Reader

edits = st.lists(
    st.tuples(st.integers(0, len(CHANGES) - 1), st.integers(0, PLACES - 1), st.integers(0, VALUES - 1)), max_size=6
)


@pytest.fixture(scope="module", params=READERS)
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return READERS[request.param](tmp_path_factory.mktemp(request.param))


def test_good_files_are_read(reader: Reader) -> None:
    assert all(reader.attempt(which, []) for which in range(len(reader.good)))


# No function-scoped fixture: files are written again for each example.  All examples are the same in every run.
@settings(max_examples=120, deadline=None, derandomize=True, database=None, report_multiple_bugs=False)
@given(which=st.integers(0, 30), changes=edits)
def test_damaged_files_are_read_or_refused(reader: Reader, which: int, changes: list[Edit]) -> None:
    reader.attempt(which, changes)


@pytest.fixture(autouse=True)
def _nothing_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.iterdir())
