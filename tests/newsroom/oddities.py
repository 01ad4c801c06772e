"""Pages of the newsroom that are no articles, each with the reason a crawler should find."""

from __future__ import annotations

from dataclasses import dataclass

from . import pages
from .stories import Story


@dataclass(frozen=True, slots=True)
class Oddity:
    """A page that looks like an article from outside. `why` is the word for it in the tests of this project."""

    path: str
    link: str
    why: str
    status: int
    html: str


def oddities(stories: list[Story]) -> list[Oddity]:
    """All pages that must never be stored as articles. The topic page lists some of `stories`."""
    return [
        Oddity(
            "/private/2026/02/10/a-draft-that-nobody-may-read-yet",
            "A draft that nobody may read yet",
            "robots",
            200,
            pages.plain("Draft", f"<article><h1>A draft that nobody may read yet</h1>{_SECRET}</article>"),
        ),
        Oddity(
            "/city/2026/02/11/the-story-that-has-vanished-from-the-archive",
            "The story that has vanished from the archive",
            "soft-404",
            200,
            pages.plain("Page not found", _NOT_FOUND),
        ),
        Oddity(
            "/city/2026/02/12/what-the-mayor-said-about-the-new-tramway",
            "What the mayor said about the new tramway",
            "consent-wall",
            200,
            pages.plain("Your privacy", _CONSENT),
        ),
        Oddity(
            "/business/2026/02/13/why-the-price-of-tin-will-not-come-down",
            "Why the price of tin will not come down",
            "bot-challenge",
            403,
            _CHALLENGE,
        ),
        Oddity(
            "/business/2026/02/14/the-harbour-company-opens-its-books",
            "The harbour company opens its books",
            "bot-challenge",
            200,
            _CHALLENGE,
        ),
        Oddity(
            "/culture/2026/02/15/a-letter-from-the-editor-to-our-subscribers",
            "A letter from the editor to our subscribers",
            "login",
            200,
            pages.plain("Sign in", _LOGIN),
        ),
        Oddity(
            "/sport/2026/02/16/everything-about-the-county-cup-season",
            "Everything about the county cup season",
            "section",
            200,
            pages.section("sport", stories[:8]),
        ),
        Oddity("/about", "About us", "about", 200, pages.plain("About us", _ABOUT)),
        Oddity("/legal/imprint", "Imprint", "legal", 200, pages.plain("Imprint", _IMPRINT)),
        Oddity("/legal/privacy", "Privacy", "legal", 200, pages.plain("Privacy notice", _PRIVACY)),
        Oddity("/account/login", "Sign in", "login", 200, pages.plain("Sign in", _LOGIN)),
    ]


_SECRET = (
    "<p>The person who reads this has walked past a sign. The sign is in robots.txt, and it is a polite one.</p>" * 3
)
_NOT_FOUND = """<h1>Page not found</h1>
<p>Sorry, the page you are looking for does not exist or has been moved.</p>
<form action="/search"><input name="q"><button>Search</button></form>
<p><a href="/">Back to the front page</a></p>"""
_CONSENT = """<div class="consent-overlay" role="dialog"><h1>We value your privacy</h1>
<p>The Courier and its 214 partners store and access information on your device, such as cookies, to show personalised
advertising and content. Please choose whether you accept before you continue to the article.</p>
<button id="accept">Accept all cookies</button> <button id="reject">Reject all</button>
<a href="/legal/privacy">Manage preferences</a></div>"""
_LOGIN = """<h1>Sign in to continue reading</h1>
<form action="/account/session" method="post"><label>E-mail <input type="email" name="email"></label>
<label>Password <input type="password" name="password"></label><button>Sign in</button></form>
<p><a href="/account/forgotten">Forgotten your password?</a> <a href="/account/new">Create an account</a></p>"""
_CHALLENGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Just a moment...</title>
<meta name="robots" content="noindex,nofollow">
<script>window._challenge = {ray: "73d1c0ffee", kind: "managed"};</script></head>
<body><h1>Checking your browser before you enter</h1>
<p>Please enable JavaScript and cookies to continue. This check is automatic and takes a few seconds.</p>
<noscript>JavaScript is needed to verify that you are human.</noscript></body></html>
"""
_ABOUT = """<h1>About us</h1><p>The Courier has been printed in the Serrin valley since 1871. It belongs to its readers,
who hold eleven thousand shares and at least as many opinions.</p><p>Write to us at Gantry Street 4, Harrowmere.</p>"""
_IMPRINT = """<h1>Imprint</h1><p>Publisher: Serrin Valley Courier Society, Gantry Street 4, Harrowmere.</p>
<p>Responsible for content: the editors. Register: Harrowmere 1871. All rights reserved.</p>"""
_PRIVACY = """<h1>Privacy notice</h1>
<p>We keep server logs for seven days. We do not sell them, since nobody has asked.</p>
<p>You may request a copy of your personal data, its correction or its deletion at any time, by post card.</p>"""
