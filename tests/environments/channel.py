"""A conda channel of the packages that are installed beside the tests.

What an installed wheel consists of becomes a conda package under conda-forge's name, its requirements those of the
wheel.  So the environment files, unchanged, are solved and installed by conda from a folder, and hold, byte for byte,
what the tests run with.  That says nothing of conda-forge's own builds, nor whether the pins can be had there.
"""

import hashlib
import io
import json
import os
import re
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pyarrow as pa
from packaging.requirements import Requirement

CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "xxhash": "python-xxhash"}
"""Packages that conda-forge calls otherwise than PyPI."""

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE_PACKAGES = f"lib/python{PYTHON}/site-packages"
PLATFORM = "linux-64"
BUILDS = {"pytorch": "cpu_generic_py311_0"}
"""Builds that the environments ask for."""

LEFT_OUT = {"include", "test", "tests"}
"""Folders of packages that no job opens: nearly half of all files."""

Files = Iterable[tuple[str, Path]]
"""Paths within a prefix, and what lies there."""


def conda_name(name: str) -> str:
    """What conda-forge calls a package of PyPI."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    return CONDA_NAMES.get(name, name)


def make_channel(channel: Path, names: Iterable[str]) -> None:
    """Make a channel of Python, some of the packages installed here, and all that those require."""
    packages = channel / PLATFORM
    packages.mkdir(parents=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = [pool.submit(pack_python, packages)]
        made += [pool.submit(pack_distribution, packages, each) for each in with_requirements(names)]
        records = dict(each.result() for each in made)
    records |= [for_cuda(record) for record in records.values() if record["name"] == "pytorch"]
    for subfolder, contents in ((PLATFORM, records), ("noarch", {})):
        index = {"info": {"subdir": subfolder}, "packages": {}, "packages.conda": contents, "repodata_version": 1}
        (channel / subfolder).mkdir(exist_ok=True)
        (channel / subfolder / "repodata.json").write_text(json.dumps(index))


def for_cuda(pytorch: dict) -> tuple[str, dict]:
    """A record of PyTorch's build for CUDA, as conda-forge has it beside that for processors: to be solved for only."""
    build = "cuda129_mkl_py311_h0_300"
    depends = [*pytorch["depends"], "__cuda"]
    record = {**pytorch, "build": build, "build_number": 300, "depends": depends}
    return f"pytorch-{pytorch['version']}-{build}.conda", record


def with_requirements(names: Iterable[str]) -> list[Distribution]:
    """Installed packages and all that they require, largest first."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if conda_name(name) not in found:
            found[conda_name(name)] = distribution(name)
            waiting += [each.name for each in requirements(found[conda_name(name)])]
    return sorted(found.values(), key=lambda each: len(each.files or []), reverse=True)


def requirements(package: Distribution) -> list[Requirement]:
    """What a package requires here, without extras."""
    required = map(Requirement, package.requires or [])
    return [each for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]


def pack_distribution(packages: Path, package: Distribution) -> tuple[str, dict]:
    """The conda package of an installed one: what lies in site-packages, compiled modules included."""
    depends = [f"{conda_name(each.name)} {each.specifier}".strip() for each in requirements(package)]
    kept = [file for file in package.files or [] if not {"..", *LEFT_OUT} & set(file.parts)]
    paths = ((f"{SITE_PACKAGES}/{file}", Path(str(package.locate_file(file)))) for file in kept)
    return pack(
        packages,
        conda_name(package.name),
        package.version.partition("+")[0],
        [f"python {PYTHON}.*", *depends],
        ((name, path) for name, path in paths if path.is_file()),
    )


def pack_python(packages: Path) -> tuple[str, dict]:
    """The conda package of the interpreter that runs here, without site-packages."""
    return pack(packages, "python", ".".join(map(str, sys.version_info[:3])), [], python_files())


def python_files() -> Iterator[tuple[str, Path]]:
    library = Path(sysconfig.get_path("stdlib"))
    left_out = LEFT_OUT | {"site-packages", "dist-packages", "idlelib", "ensurepip", "tkinter"}
    for folder, subfolders, names in os.walk(library):
        subfolders[:] = [name for name in subfolders if name not in left_out and not name.startswith("config-")]
        for path in (Path(folder, name) for name in names):
            yield f"lib/python{PYTHON}/{path.relative_to(library)}", path
    interpreter = Path(sys.executable).resolve()
    yield from ((f"bin/{name}", interpreter) for name in ("python", "python3", f"python{PYTHON}"))


def pack(packages: Path, name: str, version: str, depends: list[str], files: Files) -> tuple[str, dict]:
    """Write a conda package; return its file's name and its record in the channel's index."""
    index = {
        "name": name,
        "version": version,
        "build": BUILDS.get(name, "0"),
        "build_number": 0,
        "depends": depends,
        "subdir": PLATFORM,
    }
    stem = f"{name}-{version}-{index['build']}"
    archive = packages / f"{stem}.conda"
    paths = []
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        with compressed_tar(parts, f"pkg-{stem}.tar.zst") as tar:
            for path, source in sorted(files):
                tar.add(source.resolve(), path)
                paths.append({"_path": path, "path_type": "hardlink", "size_in_bytes": source.stat().st_size})
        with compressed_tar(parts, f"info-{stem}.tar.zst") as tar:
            add_json(tar, "info/index.json", index)
            add_json(tar, "info/paths.json", {"paths": paths, "paths_version": 1})
    with archive.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return archive.name, {**index, "sha256": checksum, "size": archive.stat().st_size}


@contextmanager
def compressed_tar(parts: zipfile.ZipFile, name: str) -> Iterator[tarfile.TarFile]:
    """A part of a conda package: in the zip file, itself not compressed, a compressed tar file."""
    with (
        parts.open(name, "w", force_zip64=True) as part,
        pa.CompressedOutputStream(part, "zstd") as stream,
        tarfile.open(fileobj=stream, mode="w|", bufsize=1 << 20) as tar,
    ):
        yield tar


def add_json(tar: tarfile.TarFile, name: str, content: dict) -> None:
    data = json.dumps(content).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
