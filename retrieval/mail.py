"""A mail as Markdown: its subject as the heading, who wrote it to whom and when, and its text. Attachments are named, not read.
Pure."""

from __future__ import annotations

import email
import re
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import default

from retrieval.markup import page
from retrieval.web import page_markdown

SHOWN = ("From", "To", "Cc", "Date")


def markdown(content: bytes, note: Callable[[str], None]) -> str:
    """`note` hears of each attachment. Raises ValueError for what is no mail."""
    mail = email.message_from_bytes(content, policy=default)
    if not isinstance(mail, EmailMessage) or not any(mail[name] for name in ("From", "Subject", "Date")):
        raise ValueError("it has no sender, no subject and no date")
    told = "; ".join(f"{name}: {header(mail, name)}" for name in SHOWN if header(mail, name))
    subject = header(mail, "Subject")
    attached = [one.get_filename() or one.get_content_type() for one in mail.iter_attachments()]
    for name in attached:
        note(f"the attachment {name} is not read; save it as a file of its own")
    unread = f"Attachments that are not read: {', '.join(attached)}." if attached else ""
    return "\n\n".join(filter(None, [f"# {subject}" if subject else "", f"{told}.", body(mail, note), unread]))


def header(mail: EmailMessage, name: str) -> str:
    """A header in words; of a date its day and time as they are read."""
    value = mail[name]
    if value is None:
        return ""
    when = getattr(value, "datetime", None)
    return when.strftime("%Y-%m-%d %H:%M") if when else " ".join(str(value).split())


def body(mail: EmailMessage, note: Callable[[str], None]) -> str:
    """The text part, else what the HTML part says."""
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        text = part.get_content()
    except LookupError:  # a charset that nobody knows
        text = (part.get_payload(decode=True) or b"").decode("utf-8", "replace")  # pyright: ignore[reportAttributeAccessIssue]
    if part.get_content_type() == "text/html":
        return page(page_markdown(text, note, web=True))
    # What a mail begins with "#" is no heading.
    return re.sub(r"^(?=#)", "\\\\", text.replace("\r\n", "\n"), flags=re.MULTILINE)
