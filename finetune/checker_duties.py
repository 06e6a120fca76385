"""Forms of rules, for `finetune.checker_frames.may`: what is told, what follows from it, what does not. {one} and {other} act, {holds}
is a condition and {fails} its contrary, {noun} the condition as a noun."""

from __future__ import annotations

# Told, follows, does not follow; each form between bars.
DUTIES: tuple[tuple[str, str, str], ...] = (
    (
        "{one} may {act} if {holds}|{one} may {act} only if {holds}|if {holds}, {one} may {act}"
        "|{one} may {act}, provided that {holds}|{one} can {act} only with {noun}",
        "if {holds}, {thing} may be {done} by {one}|{one} {be} allowed to {act} when {holds}|with {noun}, {one} can {act}",
        "{one} may always {act}|{one} may {act}|{one} may {act} without {noun}|{one} may {act} if {fails}"
        "|if {holds}, {other} may {act}|{one} must {act} if {holds}|{one} may not {act} if {holds}|{thing} may be {done} by {one}",
    ),
    (
        "{one} may {act} unless {fails}|unless {fails}, {one} may {act}",
        "if {holds}, {one} may {act}|{one} may not {act} if {fails}",
        "{one} may {act} even if {fails}|if {fails}, {one} may {act}|{one} may always {act}|{one} may not {act}",
    ),
    (
        "{one} must {act}|{one} must {act} every month|it is the duty of {one} to {act}",
        "{thing} must be {done} by {one}|{acting} is required of {one}",
        "{one} may {act} if they like|{one} must not {act}|{other} must {act}|{one} need not {act}|{acting} is optional for {one}",
    ),
    (
        "{one} may not {act}|{one} must not {act}|{one} must never {act}|{acting} is forbidden for {one}|{one} cannot {act}",
        "{acting} is not allowed for {one}|{one} must not {act}|it is forbidden for {one} to {act}"
        "|{thing} may not be {done} by {one}|never let {one} {act}",
        "{one} may {act}|{thing} may be {done} by {one}|{acting} is allowed for {one}|{one} must {act}|{other} may {act}",
    ),
    (
        "{one} may {act} without {noun}|{one} can {act} whether or not {holds}",
        "{one} can {act}|{thing} may be {done} by {one}|{noun} is not needed for {one} to {act}",
        "{one} may not {act}|{one} must {act}|{one} may {act} only with {noun}|{other} may {act}",
    ),
    (
        "{one} may {act} at any time",
        "{one} can {act}|{thing} may be {done} by {one}|{one} may {act} whenever they want",
        "{one} may not {act}|{one} must {act}|{one} may {act} only with {noun}|{other} may {act}",
    ),
    (
        "only {one} may {act}|{thing} may be {done} by {one} only|nobody but {one} may {act}",
        "{other} may not {act}|{one} may {act}|except for {one}, nobody may {act}",
        "{other} may {act}|anyone may {act}|{one} may not {act}|{one} and {other} may {act}",
    ),
)
