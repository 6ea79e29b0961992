"""Each channel with its server, as the contract suite asks for it: one module each, listed in `SUBJECTS`."""

from tests.server.publishing.subjects.bluesky import bluesky
from tests.server.publishing.subjects.mastodon import mastodon, mastodon_like
from tests.server.publishing.subjects.reddit import open_reddit
from tests.server.publishing.subjects.sandbox import sandbox
from tests.server.publishing.subjects.site import site
from tests.server.publishing.subjects.subject import Opening
from tests.server.publishing.subjects.webhook import webhook
from tests.server.publishing.subjects.wordpress import wordpress

SUBJECTS: dict[str, Opening] = {
    "bluesky": bluesky,
    "mastodon": mastodon,
    "mastodon_like": mastodon_like,
    "reddit": open_reddit,
    "sandbox": sandbox,
    "site": site,
    "webhook": webhook,
    "wordpress": wordpress,
}
