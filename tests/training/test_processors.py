"""What a training owes to the processor: on the CPU engines nothing, elsewhere rounding, and in float64 no mask."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT, SCRIPTS

ENGINES = ["dense", "sparse"]

OLDER_PROCESSOR = {
    "NUMBA_CPU_NAME": "haswell",  # AVX2 and fused operations, no AVX-512
    "NUMBA_CPU_FEATURES": "+avx,+avx2,+bmi,+bmi2,+f16c,+fma",
    "OMP_NUM_THREADS": "2",
}
OTHER_KERNELS = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "OPENBLAS_CORETYPE": "Prescott"}
"""PyTorch's, MKL's and OpenBLAS's for processors of long ago."""

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the older processor is one of x86-64")


def ten_rounds(folder, precision, engines, environment):
    script = Path(__file__).with_name("ten_rounds.py")
    command = [sys.executable, str(script), str(folder), precision, *engines]
    environment = os.environ | environment | {"PYTHONPATH": os.pathsep.join(map(str, (SCRIPTS, ROOT / "tests")))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_cpu_engines_give_the_same_bytes_on_every_processor(tmp_path):
    here, there = (ten_rounds(tmp_path, "float32", ENGINES, changes) for changes in ({}, OLDER_PROCESSOR))
    assert here == there
    # The two engines are told apart by it: it is not that any rounding would do.
    assert here["dense"]["parameters"] != here["sparse"]["parameters"]


@pytest.mark.slow
def test_in_double_precision_engines_and_kernels_agree_on_the_masks_of_ten_rounds(tmp_path):
    here = ten_rounds(tmp_path, "float64", ["reference", "auto", *ENGINES], {})
    there = ten_rounds(tmp_path, "float64", ["reference"], OTHER_KERNELS)
    assert len({found["masks"] for found in [*here.values(), *there.values()]}) == 1
    assert here["reference"]["parameters"] != there["reference"]["parameters"]  # other kernels did compute
