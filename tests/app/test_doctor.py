"""What the doctor says of a pack's router."""

from __future__ import annotations

import json
import shutil

from app.doctor import router
from core.domain import load_domain
from core.settings import ROOT
from tests.packs import make_pack

DEMO = ROOT / "domains" / "ml-desk"


def test_the_demo_packs_router_is_up_to_date():
    found = router(load_domain(DEMO))
    assert found.value.startswith("adapter")
    assert not found.mend


def test_a_new_query_makes_it_stale(tmp_path):
    pack = tmp_path / "ml-desk"
    shutil.copytree(DEMO, pack)
    with (pack / "routes.jsonl").open("a") as file:
        file.write(json.dumps({"task": "lookup", "query": "Wherever do the logs go?"}) + "\n")
    assert "trivium train-router" in router(load_domain(pack)).mend


def test_a_router_of_other_task_types_is_not_used(tmp_path):
    pack = make_pack("office", tmp_path)
    assert router(load_domain(pack)).value.startswith("fitted at start")
    shutil.copytree(DEMO / "router", pack / "router")
    found = router(load_domain(pack))
    assert "not used" in found.value
    assert "trivium train-router" in found.mend
