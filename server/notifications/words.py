"""What a notice says, in one sentence: in the bell, on the page and as the subject of a mail."""

from typing import Final

from server.notifications.models import Kind

SOMEBODY: Final = "Somebody"
UNTITLED: Final = "Untitled"
_SENTENCES: Final = {
    Kind.INVITATION: "{actor} shared “{title}” with you",
    Kind.MENTION: "{actor} mentioned you in “{title}”",
    Kind.REPLY: "{actor} commented in “{title}”",
    Kind.RESOLUTION: "{actor} resolved a discussion in “{title}”",
    Kind.REOPENING: "{actor} opened a discussion in “{title}” again",
    Kind.ACCESS_REQUEST: "{actor} asks for access to “{title}”",
    Kind.ROLE: "{actor} changed what you may do with “{title}”",
    Kind.PROPOSAL: "{actor} suggested changes in “{title}”",
    Kind.DECISION: "{actor} decided about your suggestions in “{title}”",
    Kind.RECONNECT: "“{title}” must be connected again",
    Kind.PUBLISHED: "“{title}” was published",
    Kind.STUCK: "A publication of “{title}” needs somebody",
    Kind.REVIEW_REQUEST: "{actor} asks you to review “{title}”",
    Kind.REVIEW_DECISION: "{actor} decided about “{title}”",
    Kind.REVIEW_REMINDER: "“{title}” waits for your review",
    Kind.REVIEW_ESCALATION: "Nobody reviewed “{title}” in time",
    Kind.FORESEEN: "“{title}” needs you before it goes out",
}
# What each kind is called where a person chooses; to open again goes with to resolve.
CHOICES: Final = {
    Kind.MENTION: "Somebody mentions me",
    Kind.REPLY: "Somebody answers in a discussion of mine, or comments in a document that I own or follow",
    Kind.RESOLUTION: "A discussion of mine is resolved or opened again",
    Kind.PROPOSAL: "Somebody suggests changes in a document that I own, or follow and may edit",
    Kind.DECISION: "Somebody accepts or rejects what I suggested",
    Kind.INVITATION: "A document is shared with me",
    Kind.ACCESS_REQUEST: "Somebody asks for access to a document of mine",
    Kind.ROLE: "What I may do with a document changes",
    Kind.RECONNECT: "An account that I look after must be connected again",
    Kind.PUBLISHED: "What I planned is published",
    Kind.STUCK: "What I planned, or goes to an account that I look after, is late, failed or in doubt",
    Kind.REVIEW_REQUEST: "I am asked to review a document",
    Kind.REVIEW_DECISION: "Somebody decides about what I sent for review",
    Kind.REVIEW_REMINDER: "A review waits for me",
    Kind.REVIEW_ESCALATION: "Nobody reviewed in time, and I am asked to",
    Kind.FORESEEN: "Something planned for the next days will fail unless I act",
}


def sentence(kind: Kind, actor: str | None, title: str) -> str:
    """Say what happened. `actor` is None for an account that is gone."""
    return _SENTENCES[kind].format(actor=actor or SOMEBODY, title=title or UNTITLED)
