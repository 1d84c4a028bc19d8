"""The quick start shows the main job, ends by itself with 0 and leaves nothing running."""

import os
import subprocess

from farm import processes
from house import SOURCE


def test_quickstart_ends_well_and_leaves_nothing():
    answer = subprocess.run([SOURCE / "deploy/quickstart"], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=300, env={**os.environ, "POPGATE_TEST": "quickstart"})
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
    assert processes("quickstart") == {}
