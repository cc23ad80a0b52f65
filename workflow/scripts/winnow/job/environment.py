"""What jobs have to know of a run but no result depends on: handed over by environment variables, not as parameters."""

import os


def hand_to_jobs(**settings: object) -> None:
    """Set `WINNOW_<NAME>` for this process and all that it starts; None is the empty text."""
    for name, value in settings.items():
        os.environ[f"WINNOW_{name.upper()}"] = "" if value is None else str(value)
