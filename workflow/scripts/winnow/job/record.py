"""What a run was made of and by, beside its results: enough to repeat it.

Each job has said in its log what it is (`maker`); `record_run` gathers the logs, of however many runs, into one file.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from winnow.job.environment import digest_of
from winnow.job.maker import MARK
from winnow.store.sealed import made_with


def record_run(
    configuration: Mapping[str, Any], tables: Sequence[str | Path], logs: str | Path, *, own_log: str | Path
) -> str:
    """What an experiment's results were made of and by.

    Args:
        configuration: all settings, defaults included.
        tables: the tables of all runs; they know what devices, engines and precision they were made with.
        logs: the folder of the jobs' logs, a folder for each rule.
        own_log: the log among them that is still to be finished.

    Returns:
        A JSON object: `configuration`, and its digest, which figures' files give; `made_with`, by table; `made_by`, an
        entry for each kind of process (see `maker.describe_process`) with the number of its `jobs` by rule; `unknown`,
        jobs by rule whose log does not say it.

    Raises:
        StoreError: a table is missing or damaged.
    """
    made_by: list[dict[str, Any]] = []
    unknown: Counter[str] = Counter()
    for log in sorted(set(Path(logs).glob("*/*.log")) - {Path(own_log)}):
        maker = _maker(log)
        if maker is None:
            unknown[log.parent.name] += 1
            continue
        alike = next((one for one in made_by if _alike(one, maker)), None)
        if alike is None:
            alike = {**maker, "packages": {}, "jobs": Counter()}
            made_by.append(alike)
        alike["packages"] = dict(sorted({**alike["packages"], **maker["packages"]}.items()))
        alike["jobs"][log.parent.name] += 1
    record = {
        "configuration": configuration,
        "configuration_digest": digest_of(configuration),
        "made_with": {Path(table).stem: made_with(table) for table in tables},
        "made_by": made_by,
        "unknown": unknown,
    }
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def _maker(log: Path) -> dict[str, Any] | None:
    """What wrote a log; None where it does not say: it was killed, or of an earlier version."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or not lines[-1].startswith(MARK):
        return None
    try:
        maker: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
    except json.JSONDecodeError:
        return None
    return maker


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two processes are of the same kind; one may have loaded packages that the other has not."""
    packages = one["packages"]
    return all(one[key] == other[key] for key in other if key != "packages") and all(
        packages.get(name, version) == version for name, version in other["packages"].items()
    )
