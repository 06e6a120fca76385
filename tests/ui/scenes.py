"""What the fake desk knows: questions, and the answers that the fake API gives to them, as `core.types.Answer`s."""

from __future__ import annotations

from typing import Any

from core.types import Answer, Citation, RouteDecision

FIRST_SCREEN = [
    "Which number format does QLoRA use for the base?",
    "Do our sources agree on the memory a 7B model needs?",
    "What is our GPU quota per team?",
    "One 24 GB card, an 8B model, 3,000 tickets, JSON out: which recipe?",
    'Label this ticket: "CUDA out of memory at batch 8"',
    'Make this polite: "Give us access to the GPU today"',
    "What does an H200 cost per hour?",
    "Who won the 2018 World Cup?",
]
TASKS = [
    ("lookup", "Look up one fact in the handbook or the house rules", ["rag", "prompt"]),
    ("recipe", "Give the training recipe, as JSON, for a described situation", ["tuned", "prompt"]),
    ("label", "Give a ticket its label", ["tuned", "prompt"]),
]
DOMAIN = {
    "name": "ml-desk",
    "title": "Norvik ML desk",
    "first_screen": FIRST_SCREEN,
    "tasks": [{"name": name, "description": about, "strategies": roads} for name, about, roads in TASKS],
}
QUOTA = (
    "Weekly GPU hours are shared out by the capacity lead.\n\n"
    "Each team may use 120 GPU hours a week. Unused hours do not carry over.\n"
    "A team that needs more asks with a ticket of the label gpu/quota."
)
USED = "Each team may use 120 GPU hours a week."
HOSTILE = (
    "# Ignore this\n<script>document.title='owned'</script> <img src=http://127.0.0.1:9/beacon.png onerror=alert(1)>\n"
    "![pixel](http://127.0.0.1:9/pixel.png) [click me](http://127.0.0.1:9/click) https://127.0.0.1:9/auto\n"
    "[ref]: http://127.0.0.1:9/ref.png\n![x][ref] $\\href{http://127.0.0.1:9/tex}{x}$ :red[loud] :material/warning: :tada:\n"
    "| `![a](http://127.0.0.1:9/cell.png) | `b` |\n|---|---|\n| 1 | 2 |\n\n    ![code](http://127.0.0.1:9/c.png)"
)
RECIPE = '{"model_b": 8, "card_gb": 24, "examples": 3000, "output": "json", "method": "lora", "rank": 16, "epochs": 3}'
CLOSED = {"tuned": "no tuned model was measured on this task"}
SCORES = {"rag": 0.86, "prompt": 0.31}


def cite(number: int, sentence: str, passage: str, used: str, source: str, heading: str, page: int | None) -> Citation:
    start = passage.index(used)
    return Citation(
        number=number,
        sentence=sentence,
        source=source,
        passage_id=f"{source}-{number}",
        passage=passage,
        start=start,
        end=start + len(used),
        heading=heading,
        page=page,
        support=0.93,
    )


def decision(strategy: str, **fields: Any) -> RouteDecision:
    given: dict[str, Any] = {
        "strategy": strategy,
        "task": "lookup",
        "scores": SCORES,
        "reason": "The documents answer this: two passages hold the rare words of the question.",
        "margin": 0.55,
        "tasks": {"lookup": 0.81, "label": 0.2},
        "closed": CLOSED,
        **fields,
    }
    return RouteDecision(**given)


def whole(query: str, strategy: str | None) -> dict[str, Any]:
    """The fields of the finished answer to a query."""
    if strategy == "prompt":
        route = decision("prompt", overridden=True, reason="You chose this road.")
        fields: dict[str, Any] = {"text": "From general knowledge: it depends on the team.", "route": route}
        return {**fields, "warnings": ("No source was checked for this answer.",), "confidence": 0.35}
    if strategy == "tuned" or "recipe" in query:
        route = decision("tuned", task="recipe", reason="Recipes are what the tuned model does best.", closed={})
        return {"text": RECIPE, "route": route, "confidence": 0.9, "model": "ml-desk-v1"}
    if "H200" in query:
        text = "I don't know: I found nothing in the desk's documents that answers this."
        return {"text": text, "route": decision("rag"), "refused": True}
    if "World Cup" in query:
        route = decision(
            "refuse", task="", scores={}, reason="This is outside what the desk answers.", advice="Ask it elsewhere."
        )
        return {"text": "That is outside what the ML desk answers.", "route": route, "refused": True}
    if "hostile" in query:
        cited = cite(
            1,
            "x",
            HOSTILE,
            "![pixel](http://127.0.0.1:9/pixel.png)",
            "evil.md",
            "<b>Top</b> ![h](http://127.0.0.1:9/h.png)",
            1,
        )
        return {
            "text": HOSTILE,
            "route": decision("rag", reason=HOSTILE),
            "citations": (cited,),
            "warnings": (HOSTILE,),
        }
    if "fail" in query:
        return {"text": "", "route": decision("rag"), "status": "failed", "error": "The model server closed the line."}
    cited = cite(1, "Each team may use 120 GPU hours a week [1].", QUOTA, USED, "gpu-quota.md", "Weekly hours", 3)
    return {
        "text": "Each team may use **120 GPU hours** a week [1].\n\nUnused hours do not carry over [1].",
        "route": decision("rag", overridden=strategy == "rag"),
        "citations": (
            cited,
            cite(
                2,
                "Unused hours do not carry over.",
                QUOTA,
                "Unused hours do not carry over.",
                "gpu-quota.md",
                "Weekly hours",
                3,
            ),
        ),
        "dropped": ("Hours are free.", "Everybody gets more."),
        "dropped_why": ("the passage does not speak of this", "no passage is named"),
        "confidence": 0.91,
    }


def finished(answer: Answer, fields: dict[str, Any]) -> Answer:
    """`status` is complete unless the scene says otherwise."""
    given = {
        "status": "complete",
        "model": "base",
        "timings": {"route": 0.1, "first_token": 0.4, "total": 2.3},
        **fields,
    }
    return answer.model_copy(update=given)


def standing(open: bool, score: float | None, why: str = "") -> dict[str, Any]:
    golden = None if score is None else {"score": score, "low": score - 0.08, "high": score + 0.06, "n": 40}
    return {"open": open, "score": score, "floor": 0.6, "why": why, "measured": score is not None, "golden": golden}


ROUTER = {
    "tasks": [
        {
            "task": "lookup",
            "rag_writes": True,
            "strategies": {
                "rag": standing(True, 0.86),
                "prompt": standing(False, 0.31, "its score of 31% is under the floor of 60%"),
            },
        },
        {
            "task": "recipe",
            "rag_writes": False,
            "strategies": {
                "tuned": standing(True, 0.92),
                "prompt": standing(False, 0.02, "its score of 2% is under the floor of 60%"),
            },
        },
        {
            "task": "label",
            "rag_writes": False,
            "strategies": {
                "tuned": standing(False, None, "not measured with this model; run `trivium evaluate`"),
                "prompt": standing(False, 0.4, "its score of 40% is under the floor of 60%"),
            },
        },
    ],
    "models": {"prompt": "base", "rag": "reader-v1", "tuned": "ml-desk-v1"},
    "leaves_machine": {"prompt": False, "rag": False, "tuned": False},
    "measured_at": "2026-11-20",
}
DOCUMENTS = [
    ("data-rules.md", "indexed", "", 3312, 8, False),
    ("deployment-and-monitoring.pdf", "indexed", "", 88120, 21, False),
    ("gpu-quota.md", "indexed", "", 2210, 5, False),
    ("team-notes.docx", "indexed", "", 18230, 12, True),
    ("scan.pdf", "failed", "This PDF is cut off at page 3: save it again, and add the new file.", 9120, 0, True),
]
