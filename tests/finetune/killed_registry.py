"""A process that is killed in the middle of a step of the registry: python -m tests.finetune.killed_registry ROOT STEP."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from core.store import open_store
from finetune import adapter_folders
from finetune.adapter_folders import Folders
from finetune.registry import Registry
from tests.finetune.adapters import make, passed


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    root, step = Path(sys.argv[1]), sys.argv[2]
    registry = Registry(open_store(f"sqlite:///{root / 'trivium.db'}"), root / "adapters", root / "shipped")
    second = registry.register(make(root / "runs" / step, "second"))
    registry.judge(passed(second.id, registry.serving("desk")))
    if step == "register-copying":
        adapter_folders.sync = die
        registry.register(make(root / "runs" / "third", "third"))
    if step == "register-before-row":
        Registry._add = die
        registry.register(make(root / "runs" / "third", "third"))
    if step == "promote-before-row":
        Registry._adopt_plain = die
        registry.promote(second.id)
    if step == "promote-before-link":
        Registry._link = die
        registry.promote(second.id)
    if step == "link-half-made":
        Path.replace = die
        registry.promote(second.id)
    if step == "rollback-before-link":
        registry.promote(second.id)
        Registry._link = die
        registry.roll_back("desk")
    if step == "retire-before-move":
        Folders.put_away = die
        registry.retire(second.id)


if __name__ == "__main__":
    main()
