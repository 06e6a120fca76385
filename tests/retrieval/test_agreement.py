"""Which pairs of queries may share a reviewed answer: by rule and, for the vectors' part, with the real embedder."""

from __future__ import annotations

import pytest

from core.settings import load_settings
from retrieval.agreement import ALIKE, bare, disagreement
from retrieval.embeddings import open_embeddings

SAME = [
    ("Which base models are approved here?", "please tell me: which base models are approved here"),
    ("How many people sit on the model review board?", "How many persons sit in the model review board?"),
    ("What is the name of the desk lead?", "Could you give me the name of the desk lead?"),
    ("Who approves a purchase over 500 euros?", "A purchase over 500 euros: who approves it?"),
    ("Recipe for an 8B model on a 24 GB card, 3,000 tickets", "Recipe for an 8B model on a 24 GB card, 3000 tickets"),
    ("What does an H200 cost per hour?", "what's the price per hour of an H200"),
    ('Label this ticket: "CUDA out of memory at batch 8"', 'Please label this ticket: "CUDA out of memory at batch 8"'),
    ("Which LoRA dropout do we use?", "What LoRA dropout do we use?"),
    ("When does the model review board meet?", "Hello, when exactly does the model review board meet?"),
]
OTHER = [
    ("Is Mistral-7B approved?", "Is Mistral-7B not approved?", "denies"),
    ("Which models are approved?", "Which models are not approved?", "denies"),
    ("Which recipe for 3,000 tickets?", "Which recipe for 300 tickets?", "numbers"),
    ("How long is the first warmup?", "How long is the second warmup?", "numbers"),
    ("What is new in version 3.12.1?", "What is new in version 3.12.2?", "numbers"),
    ("Can every team train?", "Can only one team train?", "numbers"),
    ("What does an H200 cost per hour?", "What does an A100 cost per hour?", "names"),
    ("Which GPUs are in the Oslo office?", "Which GPUs are in the Bergen office?", "names"),
    ("Who approves a purchase over 500 euros?", "Who approves a purchase under 500 euros?", "denies"),
    ("Is the dashboard open before noon?", "Is the dashboard open after noon?", "denies"),
    ("Which datasets need approval?", "Which datasets never need approval?", "denies"),
    ("Is access required for contractors?", "Is access optional for contractors?", "denies"),
    ("Can I merge an adapter?", "Can I unmerge an adapter?", "denies"),
    ("How do I turn on logging?", "How do I turn off logging?", "denies"),
    ("May we train on customer mails?", "Must we train on customer mails?", "different things"),
    ("Who approves a new dataset?", "When is a new dataset approved?", "different things"),
    ("Did they approve the run?", "Will they approve the run?", "small word"),
    ("May my team use the node?", "May your team use the node?", "small word"),
    ("Is a file sent to me?", "Is a file sent by me?", "small word"),
    ("Is QLoRA better than LoRA?", "Is LoRA better than QLoRA?", "words"),
    ("How do I move a model from dev to prod?", "How do I move a model from prod to dev?", "words"),
    ("Does the team own the node?", "Does the node own the team?", "words"),
    ("Which rank for a 7B model with 900 examples?", "Which rank for a 900 model with 7B examples?", "words"),
    ("How many GPU hours may a team use each week?", "How many GPU hours may a team use each day?", "words"),
    ("What can you do?", "What do you do?", "words"),
    ('Label this ticket: "the GPU ran out of memory"', 'Label this ticket: "the GPU ran out of quota"', "words"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_question_in_other_words_agrees_both_ways(one, other):
    assert disagreement(one, other) == ""
    assert disagreement(other, one) == ""


@pytest.mark.parametrize(("one", "other", "why"), OTHER)
def test_another_question_disagrees_both_ways_and_says_in_what(one, other, why):
    assert why in disagreement(one, other)
    assert disagreement(other, one)


def test_courtesies_are_not_part_of_a_question():
    assert bare("Hi, could you please tell me which models are approved?") == "which models are approved"


@pytest.mark.model
def test_likeness_alone_ranks_traps_above_paraphrases_and_so_never_decides():
    embeddings = open_embeddings(load_settings())

    def likeness(one: str, other: str) -> float:
        vectors = embeddings.encode([one, other])
        return float(vectors[0] @ vectors[1])

    same = [likeness(one, other) for one, other in SAME]
    other = [likeness(one, other) for one, other, _ in OTHER]
    assert min(same) >= ALIKE, "a paraphrase that agrees is let through"
    assert sum(alike > min(same) for alike in other) > len(OTHER) / 2, "no threshold could tell them apart"
