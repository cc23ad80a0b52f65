"""The targets of a workflow as a list to read."""

from collections.abc import Mapping


def list_targets(targets: Mapping[str, str | None]) -> str:
    """A line for each target: its name, and the first line of what its rule says of itself, if it does.

    Args:
        targets: docstrings by name.
    """
    width = max(map(len, targets), default=0)
    said = {name: (docstring or "").strip().partition("\n")[0] for name, docstring in targets.items()}
    lines = [f"  {name:{width}}  {line}".rstrip() for name, line in said.items()]
    return "\n".join(["targets, as in `snakemake --cores 8 fig4`:", *lines])
