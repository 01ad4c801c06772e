"""A story with a tail of links to others loses the tail, whatever markup it is in, and keeps all that is its own."""

import json
import os
from html import escape
from pathlib import Path

import pytest

from pipelines.extract import extract
from storage.records import Candidate, Page

HERE = Path(__file__).parent
CORPUS = os.environ.get("NEWSWARC_CORPUS")
SHARED = Path(CORPUS).parent if CORPUS else HERE.parent.parent / "shared"
STORIES = {"seed": SHARED / "seed" / "000_9a2a9ab6d31bdb79.txt", "twin": HERE / "stories" / "lighthouse.txt"}
URL = "https://www.tidewater-courier.test/world/2026/04/05/story-4711"

# By language: the case of tests/pages whose paragraphs are the story, labels, and two headlines of other stories.
TAILS = json.loads((HERE / "stories" / "tails.json").read_text("utf-8"))
FAILS = json.loads((HERE / "stories" / "fails.json").read_text("utf-8"))
STAYS = pytest.mark.xfail(reason="the tail stays, or some of the story goes", strict=True, raises=AssertionError)


def link(headline):
    """A headline as a link to its story."""
    return f'<a href="/n/{len(headline)}-{ord(headline[0])}">{escape(headline)}</a>'


def links(label, headlines):
    """A paragraph of links."""
    return f"<p><strong>{label}</strong> {' '.join(map(link, headlines))}</p>"


def breaks(label, headlines):
    """A list made of line breaks."""
    return f"<p><b>{label}</b><br>{'<br>'.join(map(link, headlines))}</p>"


def heading(label, headlines):
    """A heading and a list."""
    items = "".join(f"<li>{link(headline)}</li>" for headline in headlines)
    return f"<h3>{label}</h3><ul>{items}</ul>"


def box(label, headlines):
    """A related-posts box with pictures."""
    cards = "".join(
        f'<div class="m-c"><a href="/n/{n}"><img src="/i/{n}.jpg" alt=""></a><h4>{link(headline)}</h4><span>04.04.2026</span></div>'
        for n, headline in enumerate(headlines)
    )
    return f'<div class="m-r"><div class="m-t">{label}</div><div class="m-g">{cards}</div></div>'


def plain(label, headlines):
    """Paragraphs without any link."""
    return "".join(f"<p>{escape(line)}</p>" for line in (label, *headlines))


FORMS = {form.__name__: form for form in (links, breaks, heading, box, plain)}


def page(title, paragraphs, tail, language="en"):
    """A plausible page around a story and its tail."""
    body = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    menu = "".join(f'<li><a href="/{name.lower()}">{name}</a></li>' for name in ("News", "World", "Sport", "Weather"))
    others = "".join(
        f'<li><a href="/o/{n}"><img src="/o/{n}.jpg" alt="">A story of some other day, {n}</a></li>' for n in range(6)
    )
    return f"""<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)} | Tidewater Courier</title>
<meta property="og:title" content="{escape(title)}"><meta property="og:type" content="article">
<meta property="article:published_time" content="2026-04-05T07:08:09+01:00"></head><body>
<header><a href="/">Tidewater Courier</a><nav><ul>{menu}</ul></nav></header>
<main><div class="g8"><div class="g8a"><h1>{escape(title)}</h1><div class="g8m"><time>5 April 2026</time></div>
<div class="g8b">{body}
{tail}</div></div><div class="g8s"><ul>{others}</ul></div></div></main>
<footer><ul>{menu}</ul><p>© 2026 Tidewater Media Ltd</p></footer></body></html>"""


def read(html):
    """The article of a page."""
    body = html.encode()
    got = extract(Page(URL, URL, "2026-05-01T12:00:00.000Z", 200, "text/html; charset=utf-8", body), None)
    assert isinstance(got, Candidate), got
    return got


def parts_of(name):
    """Title, paragraphs, label and headlines of a story in a file."""
    path = STORIES[name]
    if not path.exists():
        pytest.skip("the seed story is not beside this checkout")
    title, *lines = path.read_text("utf-8").strip().split("\n")
    return title, lines[:-3], lines[-3], lines[-2:]


def forms_of(names):
    """Every form of each of these; what is known to fail must fail, or lose its mark in fails.json."""
    return [
        pytest.param(name, form, marks=[STAYS] if form in FAILS.get(name, ()) else [])
        for name in names
        for form in FORMS
    ]


@pytest.mark.parametrize(("name", "form"), forms_of(STORIES))
def test_the_story_is_kept_whole_and_loses_its_tail(name, form):
    """Title and nine paragraphs stay; label and headlines go, as links in any markup or without links."""
    title, paragraphs, label, headlines = parts_of(name)
    got = read(page(title, paragraphs, FORMS[form](label, headlines)))
    assert len(paragraphs) == 9
    assert got.title == title
    assert got.text.split("\n") == paragraphs


@pytest.mark.parametrize(("language", "form"), forms_of(TAILS))
def test_a_tail_goes_in_any_language_under_any_label(language, form):
    """What reads on in one language reads on in all, and nothing of the story goes with it."""
    tail = TAILS[language]
    spec = json.loads((HERE / "pages" / tail["case"] / "expected.json").read_text("utf-8"))
    title, paragraphs = spec["expected"]["title"], spec["paragraphs"]
    pages = {
        label: page(title, paragraphs, FORMS[form](label, tail["headlines"]), language) for label in tail["labels"]
    }
    assert [label for label, html in pages.items() if read(html).text.split("\n") != paragraphs] == []


@pytest.mark.parametrize("name", STORIES)
def test_a_story_without_a_tail_is_kept_whole(name):
    """Nothing is taken away where there is nothing to take."""
    title, paragraphs, *_ = parts_of(name)
    got = read(page(title, paragraphs, ""))
    assert (got.title, got.text.split("\n")) == (title, paragraphs)
