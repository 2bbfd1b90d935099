"""Links in posts to websites that stand for somebody: attention to a person who may not be on the network at all."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

import pyarrow as pa

from accounts.intake.schema import INTERACTIONS, WEB

# Networks and messengers: who is meant stands in the path.
_NETWORKS = """
facebook.com fb.com fb.me instagram.com instagr.am twitter.com x.com linkedin.com lnkd.in tiktok.com threads.net
threads.com snapchat.com pinterest.com reddit.com redd.it tumblr.com mastodon.social mastodon.online bsky.app vk.com
ok.ru weibo.com wa.me whatsapp.com t.me telegram.me discord.gg discord.com twitch.tv onlyfans.com quora.com
"""
# Videos, music, pictures, texts, code: the same.
_WORKS = """
youtube.com youtu.be vimeo.com soundcloud.com spotify.com flickr.com imgur.com bandcamp.com music.apple.com
podcasts.apple.com itunes.apple.com apps.apple.com play.google.com docs.google.com drive.google.com sites.google.com
medium.com github.com gitlab.com wikipedia.org archive.org goodreads.com
"""
# Shorteners hide where they lead.
_SHORTENERS = """
t.co bit.ly goo.gl ow.ly buff.ly tinyurl.com dlvr.it is.gd ift.tt trib.al wp.me amzn.to tr.im rebrand.ly
"""
# Lists of somebody's links, shops, funding: pages of many people under one host.
_PAGES = """
linktr.ee linkin.bio beacons.ai carrd.co about.me bio.link lnk.bio allmylinks.com taplink.cc amazon.com amazon.co.uk
amazon.de amazon.co.jp ebay.com etsy.com patreon.com ko-fi.com buymeacoffee.com gofundme.com paypal.com paypal.me
kickstarter.com eventbrite.com
"""
# A link to one of these, or to a subdomain of it, says nothing about whose host it is.
SHARED_HOSTS = frozenset(f"{_NETWORKS} {_WORKS} {_SHORTENERS} {_PAGES}".split())
# Here each subdomain belongs to one person or publication; the bare host still belongs to nobody.
_HOSTING = """
tumblr.com medium.com bandcamp.com wordpress.com blogspot.com substack.com typepad.com livejournal.com github.io
gitlab.io netlify.app vercel.app wixsite.com weebly.com squarespace.com carrd.co ghost.io
"""
OWN_SUBDOMAINS = frozenset(_HOSTING.split())

_OTHER_SCHEME = re.compile(r"[A-Za-z][\w+.-]*:(?!\d)")  # digits would be a port


@lru_cache(maxsize=65_536)
def website_host(url: str) -> str | None:
    """Return the host that a URL leads to, as the id of an account on the network of websites; None if it names nobody.

    Lower case, without "www.", port and user, international names in Unicode (NFC). A URL without a scheme is read as
    one of https, as profiles often have it. None for what isn't a web address, for IP addresses and for shared hosts.

    >>> website_host("HTTPS://WWW.Seths.blog:443/2012/03/")
    'seths.blog'
    >>> website_host("https://t.co/ti3vbKYVMD") is None
    True
    """
    url = url.strip()
    if "://" not in url:
        if "@" in url or _OTHER_SCHEME.match(url):
            return None
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:  # an unclosed bracket of an IPv6 address
        return None
    if parts.scheme not in ("http", "https"):
        return None
    labels = [_unicode_label(label) for label in host.rstrip(".").split(".")]
    if len(labels) > 2 and labels[0] == "www":
        labels = labels[1:]
    if len(labels) < 2 or not all(labels) or labels[-1].isdigit():
        return None
    host = ".".join(labels)
    return None if _shared(labels) or len(host) > 253 else host


def _unicode_label(label: str) -> str:
    """Return one label of a host in lower case and Unicode, "" if no host can have it."""
    if label.startswith("xn--"):
        try:
            label = label.encode("ascii").decode("idna")
        except UnicodeError:
            return ""
    label = unicodedata.normalize("NFC", label.lower())
    allowed = all(character.isalnum() or character in "-_" or unicodedata.combining(character) for character in label)
    return label if allowed and len(label) <= 63 else ""


def _shared(labels: list[str]) -> bool:
    host = ".".join(labels)
    if host in SHARED_HOSTS or host in OWN_SUBDOMAINS:
        return True
    parents = [".".join(labels[start:]) for start in range(1, len(labels) - 1)]
    if any(parent in OWN_SUBDOMAINS for parent in parents):
        return False
    return any(parent in SHARED_HOSTS for parent in parents)


def link_interactions(posts: pa.Table, websites: Collection[str]) -> pa.Table:
    """Return an interaction of kind link for each post and each known website that it links to.

    The actor is the post's author on the post's network, the target the host on the network of websites, the post the
    one that the link stands in. A reshare gives none: the link in it is the original author's, and the reshare already
    counts for them.
    """
    known = frozenset(websites)
    rows: list[tuple[int, str, str, str, str]] = []
    if known:
        columns = [posts[name].to_pylist() for name in ("at", "author", "post", "network", "kind", "links")]
        for at, author, post, network, kind, links in zip(*columns, strict=True):
            if not links or kind == "reshare":
                continue
            hosts = dict.fromkeys(host for link in links if (host := website_host(link)) in known and host)
            rows += [(at, author, host, post, network) for host in hosts]
    return pa.table(
        {
            "at": pa.array([row[0] for row in rows], pa.int64()),
            "kind": pa.array(["link"] * len(rows), pa.string()),
            "actor": pa.array([row[1] for row in rows], pa.string()),
            "target": pa.array([row[2] for row in rows], pa.string()),
            "post": pa.array([row[3] for row in rows], pa.string()),
            "network": pa.array([row[4] for row in rows], pa.string()),
            "target_network": pa.array([WEB] * len(rows), pa.string()),
        },
        schema=INTERACTIONS,
    )
