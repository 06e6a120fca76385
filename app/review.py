"""What a review brings about: a pure decision over the answer, its ratings and all reviews of it.

Each correction goes where it helps: it answers at once, and becomes an example, a pair, a route label, a judgement of a
passage, or, where it is a fact, a to-do for the documents.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.quorum import approvers, author_of, missing, plain, text_of, waiting, writers
from core.checks import failed, schema_fault
from core.corrections import combined_sha256
from core.domain import Domain, TaskType
from core.errors import QueryError
from core.reviews import Effects, ExampleChange
from core.types import Answer, Correction, Example, Judgement, Rating, Review
from finetune.examples import GONE

DONT_KNOW = re.compile(r"^\W*(?:i|we)\s+(?:do\s+not|don['’]?t)\s+know\b[\s.!]*$", re.IGNORECASE)
STATES = {"approve": "approved", "correct": "corrected", "reject": "rejected"}
MAX_SOURCE_NAME = 60
LENGTHS = {"id": 32, "subject": 32, "reviewer": 128, "correction": 50_000, "note": 50_000}
MAX_DOCUMENT = 512


@dataclass(frozen=True)
class Subject:
    """An answer under review. `worse`: answers that this one was preferred to, by id; `hashes`: sha256 by document;
    `refusals`: texts that refuse."""

    answer: Answer
    ratings: tuple[Rating, ...] = ()
    worse: Mapping[str, Answer] | None = None
    hashes: Mapping[str, str] | None = None
    refusals: frozenset[str] = frozenset()


def check(review: Review, domain: Domain, task: str) -> None:
    """Raises QueryError for a review that says too little or too much, or whose correction could never be served."""
    for name, most in LENGTHS.items():
        if len(getattr(review, name)) > most:
            raise QueryError(f"`{name}` has more than {most:,} characters; shorten it")
    if review.task:
        known = [one.name for one in domain.tasks]
        if review.task not in known:
            raise QueryError(f"there is no task {review.task!r}; this pack has {', '.join(known)}")
    if review.verdict != "correct":
        return
    if not (review.correction.strip() or review.task or review.passages or review.fault == "document"):
        raise QueryError("say what is right: send `correction`, `task` (fault route) or `passages` (fault retrieval)")
    if review.fact and not review.correction.strip():
        raise QueryError("a fact for the documents needs its text: send it as `correction`")
    kind = next((one for one in domain.tasks if one.name == task), None)
    text = review.correction.strip()
    if not (kind and kind.json_schema and text) or review.fact or is_refusal(text, refusals(domain)):
        return
    if fault := schema_fault(kind.json_schema, text):
        raise QueryError(f"answers to {task} questions are JSON of a given form, and the correction is not: {fault}")


def refusals(domain: Domain) -> frozenset[str]:
    """Texts that say that there is no answer: the pack's, and those of its seeds."""
    seeds = {example.answer for example in domain.examples() if "refusal" in example.tags}
    return frozenset({domain.refusal, domain.out_of_scope, *seeds})


def is_refusal(text: str, known: frozenset[str]) -> bool:
    return text.strip() in known or DONT_KNOW.match(text) is not None


# Effects


def decide(domain: Domain, subject: Subject, reviews: Sequence[Review], quorum: int) -> Effects:
    """What the last of the reviews (oldest first) of an answer brings about."""
    review = reviews[-1]
    if review.verdict == "skip":
        return Effects(decided=False, said=("skipped: it is left to other reviewers",))
    author = author_of(review.correction, subject.ratings, reviews)
    still = missing(reviews, author, quorum)
    if still:
        return Effects(decided=False, waiting_for=still, said=(waiting(still),))
    if review.verdict == "approve":
        effects = approved(domain, subject, review)
    elif review.verdict == "correct":
        effects = corrected(domain, subject, review, author)
    else:
        effects = rejected(subject)
    judged = judgements(subject, review)
    said = (*effects.said, *(sentence(judgement) for judgement in judged))
    return replace(effects, said=said, judgements=tuple(judged))


def approved(domain: Domain, subject: Subject, review: Review) -> Effects:
    answer, task = subject.answer, task_of(subject.answer, review)
    examples = [] if in_the_way(domain, subject, task) else [approved_example(subject, review, task)]
    pairs = [] if written_from_documents(answer) else preferences(subject, task)
    said = ["the answer is approved"]
    said += ["it is an example for the next dataset"] * bool(examples)
    said += [f"{len(pairs)} preference pair{'s' if len(pairs) > 1 else ''} for the next dataset"] * bool(pairs)
    return Effects(True, said=tuple(said), examples=(*examples, *pairs))


def rejected(subject: Subject) -> Effects:
    said = ["the answer is rejected: nothing is learned from it"]
    served = subject.answer.correction_id
    said += ["the correction that gave it is withdrawn"] * bool(served)
    return Effects(True, said=tuple(said), withdraw=served)


def in_the_way(domain: Domain, subject: Subject, task: str) -> bool:
    """Whether an approved answer is no example: quoted from documents, reviewed before, or not what its task asks for."""
    answer, kind = subject.answer, known_task(domain, task)
    if kind is None or written_from_documents(answer) or answer.reviewed or answer.refused or not answer.text.strip():
        return True
    return bool(failed(kind.checks, kind.json_schema, answer.query, answer.text))


def approved_example(subject: Subject, review: Review, task: str) -> Example:
    answer = subject.answer
    author = next((rating.user for rating in subject.ratings if rating.score == 1), "") or review.reviewer
    return example_of(answer, task, answer.text.strip(), "review", author)


def preferences(subject: Subject, task: str) -> list[Example]:
    """A pair for each answer that people liked less than the approved one."""
    answer, pairs = subject.answer, {}
    for rating in subject.ratings:
        worse = (subject.worse or {}).get(rating.preferred_over)
        if worse is None or plain(worse.text) in ("", plain(answer.text)):
            continue
        pair = example_of(answer, task, answer.text.strip(), "preference", rating.user, worse.text.strip())
        pairs.setdefault(pair.id, pair)
    return list(pairs.values())


def corrected(domain: Domain, subject: Subject, review: Review, author: str) -> Effects:
    answer, task, text = subject.answer, task_of(subject.answer, review), review.correction.strip()
    if not text:
        return Effects(True, said=("the review is kept",))
    refused = is_refusal(text, subject.refusals)
    if refused and DONT_KNOW.match(text):
        text = domain.refusal
    why_not = no_example(domain, task, review, refused)
    tags = ("refusal",) if refused else ()
    example = None if why_not else example_of(answer, task, text, "review", author, tags=tags)
    said = ["the correction answers this query from now on"]
    if example:
        said.append(
            "it is a refusal example for the next dataset" if refused else "it is an example for the next dataset"
        )
    else:
        said.append(f"it is no example: {why_not}")
    kind = known_task(domain, task)
    if kind and not refused and (faults := failed(kind.checks, kind.json_schema, answer.query, text)):
        said.append(f"the pack's checks say of the correction: {'; '.join(faults)}")
    correction = correction_of(subject, review, task, text, author, example)
    return Effects(True, said=tuple(said), examples=(example,) if example else (), correction=correction)


def no_example(domain: Domain, task: str, review: Review, refused: bool) -> str:
    """Why a correction is not to be trained on; empty where it is."""
    if review.fact or review.fault == "document":
        return "it is a fact, which belongs into the documents and never into a model's weights"
    kind = known_task(domain, task)
    if kind is None:
        return f"the pack has no task {task!r}"
    if not refused and "rag" in kind.strategies and "tuned" not in kind.strategies:
        return f"{task.replace('_', ' ')} questions are answered from documents, and no adapter may serve them"
    return ""


def correction_of(
    subject: Subject, review: Review, task: str, text: str, author: str, example: Example | None
) -> Correction:
    answer = subject.answer
    sources = rests_on(answer, review)
    return Correction(
        id=stable("correction", answer.id, text),
        query=asked(answer),
        answer=text,
        task=task,
        answer_id=answer.id,
        example_id=example.id if example else "",
        document="\n".join(sources),
        document_sha256=combined_sha256(subject.hashes or {}, sources),
        author=author,
        created_at=review.created_at,
    )


def rests_on(answer: Answer, review: Review) -> list[str]:
    """The documents of the passages that the reviewer says answer the query, else of those that the answer cites.
    A fact that the documents lack rests on none of them."""
    if review.fact or review.fault == "document":
        return []
    passages = {passage.id: passage.source for passage in answer.passages}
    judged = [passages[id] for id, answers in review.passages.items() if answers and id in passages]
    found = list(dict.fromkeys(judged or [citation.source for citation in answer.citations]))
    while len("\n".join(found)) > MAX_DOCUMENT:
        found.pop()
    return found


def judgements(subject: Subject, review: Review) -> list[Judgement]:
    """What router, retrieval and documents are told."""
    answer, made = subject.answer, []

    def add(kind: str, value: dict[str, object], *parts: str) -> None:
        made.append(
            Judgement(id=stable("judgement", answer.id, kind, *parts), kind=kind, query=asked(answer), value=value,  # pyright: ignore[reportArgumentType]
                      answer_id=answer.id, author=review.reviewer, created_at=review.created_at)
        )  # fmt: skip

    routed = answer.route.task if answer.route else ""
    if review.task and (review.fault == "route" or review.task != routed):
        add("route", {"task": review.task, "was": routed})
    passages = {passage.id: passage for passage in answer.passages}
    for id, answers in review.passages.items():
        if passage := passages.get(id):
            value = {"passage": id, "source": passage.source, "text": passage.text, "answers": answers}
            add("passage", value, id)
    if review.fact or review.fault == "document":
        add("document", {**note_of(asked(answer), review.correction.strip()), "note": review.note})
    return made


def sentence(judgement: Judgement) -> str:
    match judgement.kind:
        case "route":
            return f"this query counts as {judgement.value['task'].replace('_', ' ')} from now on"
        case "passage":
            says = "answers" if judgement.value["answers"] else "does not answer"
            return f"retrieval learns that a passage of {judgement.value['source']} {says} it"
        case _:
            return "a to-do: add the missing document"


def note_of(query: str, fact: str) -> dict[str, object]:
    """The to-do for a missing document, with a small note that may be added as it is where the fact is known."""
    words = re.sub(r"[^a-z0-9]+", "-", query.lower()).strip("-")[:MAX_SOURCE_NAME].strip("-")
    source = f"note-{words or 'fact'}-{stable(query, fact)[:6]}.md"
    return {"fact": fact, "source": source, "markdown": f"# {' '.join(query.split())}\n\n{fact}\n" if fact else ""}


def task_of(answer: Answer, review: Review) -> str:
    return review.task or (answer.route.task if answer.route else "")


def known_task(domain: Domain, name: str) -> TaskType | None:
    return next((task for task in domain.tasks if task.name == name), None)


def written_from_documents(answer: Answer) -> bool:
    return answer.route is None or answer.route.strategy in ("rag", "refuse")


def asked(answer: Answer) -> str:
    """The query as it can be understood alone."""
    return answer.standalone or answer.query


def example_of(
    answer: Answer, task: str, text: str, origin: str, author: str, rejected: str = "", tags: tuple[str, ...] = ()
) -> Example:
    return Example(
        id=stable(origin, answer.id, text, rejected), task=task, query=asked(answer), answer=text, rejected=rejected,
        tags=tags, origin=origin, state="approved", author=author, answer_id=answer.id,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


def stable(*parts: str) -> str:
    """An id that the same content always gets, so that nothing is made twice; 32 hex digits."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]


# Examples under review


def decide_example(example: Example, reviews: Sequence[Review], quorum: int) -> Effects:
    """What the last of the reviews (oldest first) of a draft, import or seed brings about."""
    review = reviews[-1]
    if review.verdict == "skip":
        return Effects(decided=False, said=("skipped: it is left to other reviewers",))
    # A seed that a person decided on is no longer one that the next sync may bring back.
    note = "" if example.note == GONE else None
    text = text_of(review, example)
    if text is None:
        if still := missing(reviews, example.author, quorum):
            return Effects(decided=False, waiting_for=still, said=(waiting(still, "the example's author"),))
        return Effects(True, said=("the example is rejected",), example_change=ExampleChange("rejected", note=note))
    if still := max(0, quorum - len(approvers(example, reviews, text, quorum))):
        return Effects(decided=False, waiting_for=still, said=(waiting(still, "who wrote it"),))
    if text == example.answer.strip():
        return Effects(True, said=("the example is approved",), example_change=ExampleChange("approved", note=note))
    change = ExampleChange("approved", text, writers(example, reviews, text)[-1], note)
    return Effects(True, said=("the example is approved with the corrected answer",), example_change=change)
