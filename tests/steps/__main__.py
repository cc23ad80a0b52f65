"""Record the results of the steps whose version was raised, and of new ones."""

import sys

from tests.steps.record import RECORD, changes, present, read_record, write_record
from winnow.job.versions import VERSIONS


def main() -> int:
    record, forgotten = read_record(), []
    for step in VERSIONS:
        now = present(step)
        if step in record and now["version"] == record[step]["version"]:
            if changes(now, record[step]):
                forgotten.append(step)
            continue
        record[step] = now
        print(f"recorded: {step}, version {now['version']}")
    write_record({step: record[step] for step in VERSIONS})
    for step in forgotten:
        print(
            f"{step} gives other results, or is called in another way, than recorded: raise VERSIONS[{step!r}] in "
            f"winnow/job/versions.py.  (Only if its results are the same: delete the step from {RECORD.name}.)"
        )
    return len(forgotten) > 0


if __name__ == "__main__":
    sys.exit(main())
