"""A real conda, made of PyPI's packages alone.

conda is not on PyPI, but conda-lock's wheel carries conda's Python code whole, under another name.  Not for users: it
lets the tests run `snakemake --use-conda` where conda's own installers cannot be had.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

CARRIER = "conda-lock==4.0.3"  # carries conda 24.7.1, the oldest that Snakemake 9 takes
REQUIREMENTS = [
    "archspec==0.2.7",
    "boltons==26.2.0",
    "conda-package-handling==2.6.0",
    "distro==1.9.0",
    "frozendict==2.5.1",
    "packaging==25.0",
    "platformdirs==4.14.7",
    "pluggy==1.7.0",
    "pycosat==0.6.6",
    "requests==2.34.2",
    "ruamel.yaml==0.19.1",
    "setuptools==84.2.1",
    "tqdm==4.70.1",
    "truststore==0.10.5",
    "zstandard==0.25.0",
]
SETTINGS = """\
add_pip_as_python_dependency: false
channel_alias: {alias}
channel_priority: strict
extra_safety_checks: false
notify_outdated_conda: false
number_channel_notices: 0
register_envs: false
solver: classic
"""
CONDA = """\
#!{root}/bin/python
import sys
from conda.cli import main
if __name__ == "__main__":  # conda starts processes that import this file
    sys.exit(main())
"""
ACTIVATE = """\
eval "$("{root}/bin/conda" shell.posix activate "$@")"
"""
SHELL_FUNCTION = """\
conda() {
    case "$1" in
        activate|deactivate) eval "$("$CONDA_EXE" shell.posix "$@")" ;;
        *) "$CONDA_EXE" "$@" ;;
    esac
}
"""


def make_conda(root: Path, channels: Path) -> Path:
    """Make a conda; return the folder to put on PATH.

    Args:
        root: conda's folder, which is made.
        channels: where the channels lie as folders: a channel that an environment file names is sought there alone.
    """
    subprocess.run([sys.executable, "-m", "venv", root], check=True)
    pip = [root / "bin" / "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *REQUIREMENTS], check=True)
    subprocess.run([*pip, "download", "--no-deps", "--dest", root / "wheels", CARRIER], check=True)
    unpack_conda(root)
    write(root / ".condarc", SETTINGS.format(alias=channels.as_uri()))
    write(root / "bin" / "conda", CONDA.format(root=root)).chmod(0o755)
    write(root / "bin" / "activate", ACTIVATE.format(root=root))
    write(root / "conda-meta" / "history", "")
    on_path = root / "condabin"
    on_path.mkdir()
    (on_path / "conda").symlink_to(root / "bin" / "conda")
    return on_path


def unpack_conda(root: Path) -> None:
    """Take conda's code out of the wheel that carries it, and give it back its name."""
    (wheel,) = (root / "wheels").glob("*.whl")
    (site_packages,) = root.glob("lib/python*/site-packages")
    carried = "conda_lock/_vendor/conda/"
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            if name.startswith(carried) and not name.endswith("/"):
                content = files.read(name)
                if name.endswith(".py"):
                    for renamed in (b"conda_lock._vendor.conda", b"conda_lock.vendor.conda"):
                        content = content.replace(renamed, b"conda")
                    content = content.replace(b'".conda_lock"', b'".conda"')
                write(site_packages / "conda" / name.removeprefix(carried), content)
    write(site_packages / "conda" / "shell" / "etc" / "profile.d" / "conda.sh", SHELL_FUNCTION)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
