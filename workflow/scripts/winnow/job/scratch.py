"""Copies of datasets on a disk of the node, for jobs that read them at random over a slow shared file system."""

import fcntl
import logging
import os
import stat
from pathlib import Path

import xxhash

from winnow.store.atomic import StoreError
from winnow.store.datasets import copy_dataset

log = logging.getLogger(__name__)

VARIABLE = "WINNOW_SCRATCH"
"""Environment variable by which the workflow hands `compute.scratch` to its jobs: no result depends on it."""


def local_copy(folder: str | Path) -> Path:
    """The dataset's copy on the node; made by the first job that asks, the others wait for it.

    The copy is checked like any dataset, when it is read.  Where it cannot be made, the dataset itself is used, and the
    log says why.

    Args:
        folder: the dataset.

    Returns:
        The folder to read: the copy, or `folder` if `VARIABLE` is not set.
    """
    folder, setting = Path(folder), os.environ.get(VARIABLE, "")
    if not setting:
        return folder
    scratch = Path(os.path.expandvars(setting)).expanduser()
    try:
        own = _own_folder(scratch)
        # Named after its content: another experiment's dataset, or this one made anew, is another copy.
        copy = own / xxhash.xxh3_128_hexdigest((folder / "facts.json").read_bytes())
        with copy.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (copy / "facts.json").exists():
                log.info("copying %s to %s", folder, copy)
                copy_dataset(folder, copy)
        return copy
    except (OSError, StoreError) as error:
        log.warning("compute.scratch (%s): %s; %s is read where it is", setting, error, folder)
        return folder


def _own_folder(scratch: Path) -> Path:
    """A folder in scratch that only this user can write to; OSError if there can be none."""
    if "$" in str(scratch):
        raise OSError(f"the variable is not set on this node: {scratch}")
    if not scratch.is_dir():
        raise OSError(f"there is no folder {scratch}")
    own = scratch / f"winnow-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    found = own.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise OSError(f"{own} is not a folder of this user alone")
    return own
