"""The trainer's process contacts no host, though nothing in its environment forbids the model hub."""

import json
import os
import subprocess
import sys

import pytest

from core import TELLS_NOBODY
from core.settings import ROOT
from finetune import child
from finetune.runs import RunFolder
from tests.finetune.test_run import order

ALLOWED = "import os, core; [os.environ.pop(name) for name in core.TELLS_NOBODY]"
WATCHED = """
import json, socket, sys, threading
attempts = []

def refuse(*given):
    attempts.append(str(given[-2:]))
    raise OSError("no host is to be contacted")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from finetune.run import main
code = main([sys.argv[1]])
threads = [thread.name for thread in threading.enumerate() if "telemetry" in thread.name]
open(sys.argv[2], "w").write(json.dumps([attempts, threads]))
sys.exit(code)
"""


@pytest.fixture
def hub_allowed(monkeypatch):
    """As with somebody who set none of these; where CI is set, TRL sends nothing by itself."""
    for name in ("HF_HUB_OFFLINE", "CI", *TELLS_NOBODY):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("tells", [False, True], ids=["as it is", "if it were allowed to"])
def test_the_trainer_contacts_no_host(base, domain, tmp_path, hub_allowed, tells):
    run, told = RunFolder(tmp_path / "runs" / "one"), tmp_path / "told.json"
    run.write(order(base, domain, tmp_path))
    program = (ALLOWED if tells else "") + WATCHED
    process = child.spawn(run, lambda folder: [sys.executable, "-c", program, str(folder), str(told)])
    assert process.wait() == 0, run.log.read_text()
    result = run.result()
    assert result is not None
    assert result.state == "done", result.error
    attempts, threads = json.loads(told.read_text())
    assert bool(threads) == tells
    assert bool(attempts) == tells


@pytest.mark.parametrize(
    "module",
    ["finetune.train", "finetune.run", "finetune.alone", "app.cli", "retrieval.child", "core.llm.local.converted"],
)
def test_every_way_in_sets_it_before_any_library_looks(module, hub_allowed):
    said = f"import sys, os, {module}; print('huggingface_hub.constants' in sys.modules, os.environ['HF_HUB_DISABLE_TELEMETRY'])"
    ran = subprocess.run([sys.executable, "-c", said], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert ran.stdout.split() == ["False", "1"], ran.stderr
