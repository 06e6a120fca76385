import contextlib
import os
import signal
import subprocess
import sys

import pytest

from tests.waiting import until

CHILD = "import sys, time; from core.children import die_with; die_with(int(sys.argv[1])); print('up', flush=True); time.sleep(600)"
PARENT = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}, str(os.getpid())], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


def lives(pid):
    """A zombie is dead, though nobody has asked for its status yet."""
    with contextlib.suppress(OSError):
        return open(f"/proc/{pid}/stat", encoding="utf-8").read().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal is Linux's")
def test_a_child_ends_when_its_parent_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert lives(child)
    parent.kill()
    parent.wait()
    try:
        until(lambda: not lives(child), lambda: "the child lives on")
    finally:
        if lives(child):
            os.kill(child, signal.SIGKILL)


def test_a_child_whose_parent_is_gone_already_does_not_begin():
    done = subprocess.run(
        [sys.executable, "-c", CHILD, "1" if os.getpid() != 1 else "2"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "up" not in done.stdout
