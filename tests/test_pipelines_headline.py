"""The headline as it reads on the screen, and the title chosen with its help."""

import pytest

from pipelines import titles
from tests.claimed import fields, ld

OG = '<meta property="og:title" content="{}">'


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        (
            "",
            "<h1><span class='kicker'>Harbour</span><span>Ferry sails again at noon</span></h1>",
            "Ferry sails again at noon",
        ),
        ("", "<h1><span class='article__topline'>Hafen</span> Die Fähre fährt wieder</h1>", "Die Fähre fährt wieder"),
        (
            OG.format("Hafen: Die Fähre fährt wieder"),
            "<h1><span class='kicker'>Hafen:</span> Die Fähre fährt wieder</h1>",
            "Hafen: Die Fähre fährt wieder",
        ),
        ("", "<h1><time>05.04.2026</time>Ferry sails again at noon</h1>", "Ferry sails again at noon"),
        ("", "<h1><style>.x{color:red}</style>Ferry sails again at noon</h1>", "Ferry sails again at noon"),
        ("", "<h1><ruby>船<rt>ふね</rt></ruby>が<ruby>出<rt>で</rt></ruby>る</h1>", "船が出る"),
    ],
)
def test_a_headline_reads_without_what_stands_within_it_for_other_ends(head, body, title):
    """Kickers in elements of their own, dates, style sheets and readings are left out; a kicker that is shared stays."""
    assert fields(head, body).title == title


def test_what_a_headline_begins_with_is_its_kicker_where_the_head_says_only_the_rest():
    """Whatever element it is in; where the head says it too, it belongs to the headline."""
    body = "<h1><small>Port Alba</small><br>Ferry sails again at noon</h1>"
    assert fields("<title>Ferry sails again at noon | Tide</title>", body).title == "Ferry sails again at noon"
    whole = "Port Alba: Ferry sails again at noon"
    assert fields(OG.format(whole) + ld(headline=whole), body).title == whole


def test_a_headline_that_is_seen_and_shared_wins_over_one_that_is_only_declared():
    """JSON-LD and <title> may keep an older headline."""
    head = (
        "<title>Ferry to sail again</title>"
        + OG.format("Ferry sails again at noon")
        + ld(headline="Ferry to sail again")
    )
    assert fields(head, "<h1>Ferry sails again at noon</h1>").title == "Ferry sails again at noon"
    assert fields(head, "").title == "Ferry to sail again"


def test_a_heading_that_only_leads_home_is_the_sites_banner():
    """The linked name of the site is no headline, though <title> begins with it."""
    body = '<h1><a href="/">Four Winds</a></h1><h2>Ferry sails again at noon</h2>'
    head = "<title>Four Winds » Ferry sails again at noon</title>"
    assert fields(head, body, url="https://tide.test/ferry-sails-again-at-noon").title == "Ferry sails again at noon"


def test_a_headline_is_known_by_its_words_whatever_it_stands_in():
    """The name of a class around it says nothing when <title> repeats it."""
    body = "<article class='with-sidebar'><h1>Ferry sails again at noon</h1></article><h1>While you are here</h1>"
    assert fields("<title>Ferry sails again at noon</title>", body).title == "Ferry sails again at noon"


def test_without_an_h1_an_h2_is_the_headline_if_the_head_says_the_same():
    """An h2 that says something else, or less, is none."""
    head = OG.format("Ferry sails again at noon") + ld(headline="Old name of this story")
    assert fields(head, "<h2>Ferry sails again at noon</h2>").title == "Ferry sails again at noon"
    assert fields(OG.format("Ferry sails again"), "<h2>Subscribe</h2>").title == "Ferry sails again"
    assert fields(OG.format("Why the old ferry sails again at noon"), "<h2>The old ferry</h2>").title.startswith("Why")


@pytest.mark.parametrize(
    ("title", "path", "expected"),
    [
        ("Jo's Log | Ferry sails again at noon", "/2026/ferry-sails-again-at-noon/", "Ferry sails again at noon"),
        (
            "Jo's Log | Die Fähre fährt nun über Nacht",
            "/die-faehre-faehrt-nun-ueber-nacht",
            "Die Fähre fährt nun über Nacht",
        ),
        (
            "Ferry sails at noon – and so do we | Jo",
            "/ferry-sails-at-noon-and-so-do-we",
            "Ferry sails at noon – and so do we",
        ),
        ("Jo's Log | Ferry sails again at noon", "/story/4711", None),
        ("Ferry sails again at noon", "/ferry-sails-again-at-noon", None),
    ],
)
def test_the_address_tells_the_headlines_part_of_a_lone_title(title, path, expected):
    """Only an address of several words does, and where it repeats a part and not all."""
    assert titles.in_address(title, f"https://tide.test{path}") == expected


@pytest.mark.parametrize("tail", ["-港新聞網", "_港新聞", "--港报", ""])
def test_a_lone_title_loses_a_name_that_hangs_on_it_without_spaces(tail):
    """As scripts without spaces write it; Latin compounds stay whole."""
    assert titles.without_last_part(f"渡し船が正午に再び出航する{tail}") == "渡し船が正午に再び出航する"
    assert titles.without_last_part("The Anglo-Norman well-being") == "The Anglo-Norman well-being"
