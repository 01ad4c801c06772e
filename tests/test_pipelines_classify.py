"""Pages that are no article, and short or odd ones that are. All of them fictional."""

import json

import pytest

from pipelines.extract import extract
from storage.records import Candidate, NoArticle, Page

SITE = "https://www.harbour-herald.test"
PROSE = (
    "The harbour council voted on Tuesday to bring back the night ferry between Port Alba and the islands, ending a "
    "dispute that had lasted since the storm of last autumn. Skippers welcomed the decision but warned that the pier "
    "still needs repairs before the first crossing can take place in early summer."
)
MORE = (
    "Residents had collected four thousand signatures in favour of the line, which carried nurses, bakers and pupils "
    "for sixty years. The operator says two crews have been hired and a third vessel will be ready by August."
)


def page(html, path="/news/ferry-4711", status=200, content_type="text/html; charset=utf-8"):
    """A page of the fictional paper."""
    body = html if isinstance(html, bytes) else html.encode()
    return Page(SITE + path, SITE + path, "2026-05-01T12:00:00.000Z", status, content_type, body)


def document(title, body, head=""):
    """A whole HTML document."""
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


def teasers(count, start=0):
    """A section's list of teasers."""
    return "".join(
        f'<article><h3><a href="/news/{n}">Council number {n} decides on its own pier today</a></h3>'
        f"<p>Short teaser for story {n} of the day.</p></article>"
        for n in range(start, start + count)
    )


def menu(count):
    """Navigation links outside <nav>, as old sites have them."""
    return "<div>" + "".join(f'<a href="/s/{n}">Section of towns {n}</a> ' for n in range(count)) + "</div>"


CHALLENGE = (
    '<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/jsch/v1"></script><script>window._cf_chl_opt={}</script>'
)
LOGIN_FORM = '<form><input type="email" name="u"><input type="password" name="p"><button>Go</button></form>'

LONG = "Try again in some minutes, or go back to the first page of the paper and read on from there, dear reader of ours."
TEASED = "".join(
    f'<article><h2><a href="/news/{n}">Council number {n} decides on its own pier today</a></h2>'
    f"<p>{PROSE[n : 150 + n]}.</p></article>"
    for n in range(9)
)
NO_ARTICLES = {
    "home": (document("Harbour Herald", menu(20) + teasers(30)), "/", "home"),
    "home with index file": (document("Harbour Herald", teasers(12)), "/index.html", "home"),
    "home that calls itself an article": (
        document("Harbour Herald", teasers(20), '<meta property="og:type" content="article">'),
        "/",
        "home",
    ),
    "section": (document("Local news | Harbour Herald", "<h1>Local news</h1>" + teasers(30)), "/local", "section"),
    "section declared as a collection": (
        document(
            "Sport",
            "<h1>Sport</h1>" + teasers(14),
            '<script type="application/ld+json">{"@type":"CollectionPage","name":"Sport"}</script>',
        ),
        "/sport",
        "section",
    ),
    "section as item list": (
        document(
            "Kultur",
            teasers(12),
            '<script type="application/ld+json">{"@type":"ItemList","itemListElement":'
            '[{"@type":"ListItem","url":"/news/1"}]}</script>',
        ),
        "/kultur",
        "section",
    ),
    "author archive": (
        document("Jane Doe, all stories", "<h1>Jane Doe</h1><p>Reporter at the pier.</p>" + teasers(26)),
        "/authors/jane-doe",
        "section",
    ),
    "search results": (document("Search: ferry", menu(30) + teasers(26)), "/search?q=ferry", "section"),
    "soft 404, English": (
        document("Page not found | Harbour Herald", "<h1>Page not found</h1><p>Sorry.</p>"),
        "/x",
        "soft-404",
    ),
    "soft 404 with teasers": (
        document("404", "<h1>Error 404</h1><p>Try one of these instead of the page that you wanted.</p>" + teasers(3)),
        "/x",
        "soft-404",
    ),
    "soft 404, German": (document("Seite nicht gefunden", "<h1>Seite nicht gefunden</h1>"), "/x", "soft-404"),
    "soft 404, French": (document("Page introuvable - Le Port", "<h1>Oups</h1>"), "/x", "soft-404"),
    "soft 404, Spanish": (
        document("Puerto", "<h1>Página no encontrada</h1><p>Vuelva al inicio.</p>"),
        "/x",
        "soft-404",
    ),
    "soft 404, Polish": (document("Nie znaleziono strony", "<h1>Ups</h1>"), "/x", "soft-404"),
    "soft 404, Russian": (document("Страница не найдена", "<h1>Страница не найдена</h1>"), "/x", "soft-404"),
    "soft 404, Japanese": (document("ページが見つかりません｜港新聞", "<h1>404</h1>"), "/x", "soft-404"),
    "soft 404, Arabic": (document("الصفحة غير موجودة", "<h1>الصفحة غير موجودة</h1>"), "/x", "soft-404"),
    "soft 404, Hindi": (document("पृष्ठ नहीं मिला", "<h1>पृष्ठ नहीं मिला</h1>"), "/x", "soft-404"),
    "soft 404 with a curly apostrophe": (
        document("Oops", f"<h1>Oops! That page can’t be found.</h1><p>{LONG}</p>"),
        "/x",
        "soft-404",
    ),
    "maintenance": (document("Herald", f"<h1>We’ll be back soon!</h1><p>{LONG}</p>"), "/x", "server-page"),
    "server error as 200": (document("Error", f"<h1>500 Internal Server Error</h1><p>{LONG}</p>"), "/x", "server-page"),
    "parked domain": (document("x", f"<h1>x.test</h1><h2>This domain is for sale</h2><p>{LONG}</p>"), "/x", "server-page"),
    "geo block": (document("Sorry", f"<h1>Not available in your region</h1><p>{LONG}</p>"), "/x", "server-page"),
    "stack trace": (
        document("TypeError", f"<h1>TypeError at /x</h1><pre>Traceback (most recent call last):\n {LONG}</pre>"),
        "/x",
        "server-page",
    ),
    "challenge without known markup": (
        document("Sorry", f"<p>We saw unusual traffic. Show that it is you and not a robot. {LONG}</p>"),
        "/x",
        "bot-challenge",
    ),
    "app shell that asks for scripts": (
        document(
            "Bridge closes",
            "<div id=root></div><noscript>We are sorry, but this site does not work without JavaScript. Please "
            "enable JavaScript to read on.</noscript>",
            '<meta property="og:type" content="article">',
        ),
        "/news/1",
        "needs-javascript",
    ),
    "cards of a page that calls itself an article": (
        document("Today in town", "<h1>Today in town</h1>" + TEASED, '<meta property="og:type" content="article">'),
        "/today-in-town-1",
        "section",
    ),
    "author page": (
        document("Mara Marlpit", f"<h1>Mara Marlpit</h1><p>{MORE}</p><time datetime='2026-04-30'>Thursday</time>{TEASED}"),
        "/mara-marlpit-1",
        "section",
    ),
    "film": (b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40, "/news/1", "not-html"),
    "noise with a NUL in it": (b"\x03\x00" + bytes(range(1, 256)) * 40 + b"<p>", "/news/1", "not-html"),
    "JSON with markup": (json.dumps({"html": f"<p>{PROSE}</p>"}).encode(), "/news/1", "not-html"),
    "JSON for a callback": (f"show({json.dumps({'html': f'<p>{PROSE}</p>'})})".encode(), "/news/1", "not-html"),
    "XML of another kind": (
        f"<?xml version='1.0'?><s:Envelope xmlns:s='s'><p>{PROSE}</p></s:Envelope>".encode(),
        "/news/1",
        "not-html",
    ),
    "consent wall, English": (
        document(
            "Before you continue",
            "<h1>Before you continue</h1><p>We value your privacy. We and our partners store and/or access information "
            "on a device, such as cookies and similar technologies.</p><button>Accept all</button>",
        ),
        "/news/1",
        "consent-wall",
    ),
    "consent wall, German": (
        document(
            "Hafenbote",
            "<h2>Ihre Privatsphäre</h2><p>Wir und unsere Partner verarbeiten Ihre Daten. Mit Werbung weiterlesen oder "
            "werbefrei im Abo.</p><a href='#'>Alle akzeptieren</a>",
        ),
        "/news/1",
        "consent-wall",
    ),
    "consent wall, French": (
        document(
            "Le Port",
            "<p>Nous et nos partenaires utilisons des cookies afin de mesurer l'audience. Votre vie privée compte pour nous.</p>"
            "<p><a>Accepter et continuer</a> <a>Continuer sans accepter</a></p>",
        ),
        "/news/1",
        "consent-wall",
    ),
    "challenge by Cloudflare": (
        document("Just a moment...", "<noscript>Enable JavaScript and cookies to continue</noscript>" + CHALLENGE),
        "/n/1",
        "bot-challenge",
    ),
    "challenge by DataDome": (
        document(
            "harbour-herald.test",
            "<p>Please enable JS and disable any ad blocker</p><script src='https://ct.captcha-delivery.com/c.js'></script>",
        ),
        "/n/1",
        "bot-challenge",
    ),
    "challenge by PerimeterX": (
        document("Access to this page has been denied", "<div id='px-captcha'></div><p>Press and hold</p>"),
        "/n/1",
        "bot-challenge",
    ),
    "challenge by Incapsula": (
        document(
            "",
            "<iframe src='/_Incapsula_Resource?SWUDNSAI=31'>Request unsuccessful. Incapsula incident ID: 1-2</iframe>",
        ),
        "/n/1",
        "bot-challenge",
    ),
    "challenge by AWS WAF": (
        document("", "<div id='challenge-container'></div><script src='https://x.token.awswaf.com/c.js'></script>"),
        "/n/1",
        "bot-challenge",
    ),
    "block by Akamai": (
        document(
            "Access Denied",
            "<h1>Access Denied</h1><p>You don't have permission to access this server. Reference #18.1 https://errors.edgesuite.net/18.1</p>",
        ),
        "/n/1",
        "bot-challenge",
    ),
    "captcha in German": (
        document(
            "Sicherheit", "<h1>Bitte bestätigen Sie, dass Sie kein Roboter sind</h1><div class='g-recaptcha'></div>"
        ),
        "/n/1",
        "bot-challenge",
    ),
    "login": (
        document("Log in | Harbour Herald", "<h1>Log in</h1><p>To your account.</p>" + LOGIN_FORM),
        "/login",
        "login",
    ),
    "login, Polish": (document("Logowanie", "<h1>Zaloguj się</h1>" + LOGIN_FORM), "/konto", "login"),
    "paywall without text": (
        document(
            "Ferry sails again", "<h1>Ferry sails again</h1><p>Subscribe to continue reading. Already a subscriber?</p>"
        ),
        "/n/1",
        "paywall",
    ),
    "needs scripts, empty root": (
        document("Harbour Herald", '<div id="root"></div><script src="/app.js"></script>'),
        "/n/1",
        "needs-javascript",
    ),
    "needs scripts, says so": (
        document("Herald", "<noscript>You need to enable JavaScript to run this app.</noscript>"),
        "/n/1",
        "needs-javascript",
    ),
    "needs scripts, Spanish": (
        document("Puerto", "<p>Por favor, habilite JavaScript en su navegador.</p>"),
        "/n/1",
        "needs-javascript",
    ),
    "meta refresh": (
        document("Moved", "<p>Moved <a href='/n'>here</a></p>", '<meta http-equiv="refresh" content="0; url=/n">'),
        "/n/1",
        "meta-refresh",
    ),
    "empty document": ("<html><head></head><body></body></html>", "/n/1", "empty"),
    "only a headline": (document("Ferry sails again", "<h1>Ferry sails again</h1>"), "/n/1", "empty"),
    "white space": (b" \r\n\t ", "/n/1", "empty"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "/n/1", "not-html"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj <</Type/Catalog>>", "/n/1", "not-html"),
    "JSON": (b'{"error": "no such story", "html": null}', "/n/1", "not-html"),
    "a feed": (
        b'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title></channel></rss>',
        "/n/1",
        "not-html",
    ),
    "plain words": (b"OK", "/n/1", "not-html"),
}


@pytest.mark.parametrize("case", NO_ARTICLES)
def test_a_page_that_is_no_article_is_named(case):
    """Each is refused, and with the reason that fits."""
    html, path, reason = NO_ARTICLES[case]
    assert extract(page(html, path), None) == NoArticle(reason)


ARTICLES = {
    "sixty words": document("Ferry sails again", f"<h1>Ferry sails again</h1><p>{PROSE}</p>"),
    "with a sea of links around": document(
        "Ferry sails again",
        menu(60) + f"<h1>Ferry sails again</h1><p>{PROSE}</p><p>{MORE}</p>" + teasers(12) + menu(60),
        '<meta property="og:type" content="article"><meta property="article:published_time" content="2026-04-05T07:08:09Z">',
    ),
    "about 404 pages": document(
        "Page not found: how a museum kept a dead link",
        f"<h1>Page not found</h1><p>{PROSE}</p><p>{MORE}</p><p>{PROSE.upper()}</p><p>{MORE.upper()}</p>",
    ),
    "with a cookie banner": document(
        "Ferry sails again",
        "<div class='cookie-banner'>We value your privacy. We and our partners use cookies. Accept all Reject all</div>"
        f"<h1>Ferry sails again</h1><p>{PROSE}</p><p>{MORE}</p><p>{MORE[::-1]}</p>",
    ),
    "with a newsletter form and a captcha script": document(
        "Ferry sails again",
        f"<h1>Ferry sails again</h1><p>{PROSE}</p><p>{MORE}</p><form><input type='email'></form>" + LOGIN_FORM,
        "<script src='https://www.google.com/recaptcha/api.js'></script>",
    ),
    "behind Cloudflare": document(
        "Ferry sails again",
        f"<h1>Ferry sails again</h1><p>{PROSE}</p><script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>",
    ),
    "in Japanese": document(
        "渡し船が再開",
        "<h1>渡し船が再開</h1><p>"
        + "港の議会は火曜日に夜の渡し船を再開することを決めた。桟橋の修理は夏までに終わる見込みだ。" * 3
        + "</p>",
    ),
    "as a paragraphless body": document(
        "Ferry sails again", f"<h1>Ferry sails again</h1><div>{PROSE}<br><br>{MORE}</div>"
    ),
    "control bytes between all words": document(
        "Ferry sails again", f"<h1>Ferry sails again</h1><p>{PROSE}</p><p>{MORE}</p>".replace(" ", "\x01\x02 ")
    ),
    "five best with headlines that link": document(
        "Five piers to see",
        "<h1>Five piers to see</h1>"
        + "".join(f'<h2><a href="/p/{n}">The pier of Port Number {n}</a></h2><p>{PROSE}</p><p>{MORE}</p>' for n in range(5)),
        '<meta property="og:type" content="article">',
    ),
    "headline with a server's word in it": document(
        "Ferry line under construction again after the storm of last autumn",
        f"<h1>Ferry line under construction again after the storm of last autumn</h1><p>{PROSE}</p><p>{MORE}</p>",
    ),
}


@pytest.mark.parametrize("case", ARTICLES)
def test_a_short_or_odd_article_passes(case):
    """What surrounds a story does not make it something else."""
    assert isinstance(extract(page(ARTICLES[case]), None), Candidate)


@pytest.mark.parametrize(
    ("status", "reason"), [(404, "http-404"), (503, "http-503"), (204, "http-204"), (304, "http-304")]
)
def test_a_status_other_than_200_is_no_article(status, reason):
    """Whatever the body says."""
    assert extract(page(ARTICLES["sixty words"], status=status), None) == NoArticle(reason)


def test_html_under_a_wrong_type_is_read():
    """Servers that call their pages text/plain or application/octet-stream are believed less than the bytes."""
    for content_type in ("text/plain", "application/octet-stream", None, "application/pdf"):
        assert isinstance(extract(page(ARTICLES["sixty words"], content_type=content_type), None), Candidate)
