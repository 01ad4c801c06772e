"""Dates and names that stand beside the headline, or behind a label, without markup that says so."""

import pytest

from tests.claimed import fields, ld

H1 = "<h1>Ferry sails again at noon</h1>"


def source(found, name):
    """Where a field came from."""
    return dict(found.sources).get(name)


@pytest.mark.parametrize(
    "body",
    [
        f"<div>{H1}<p>5 April 2026</p></div>",
        f"<div><div><p>News</p><p>Apr 5, 2026</p></div>{H1}</div>",
        f"<div><table><tr><td>5 | 4 | 2026</td><td>Harbour</td></tr></table>{H1}</div>",
        f"<div>{H1}<p>Port Alba, 05.04.2026 - The old ferry went to sea again on Sunday, {'to our surprise ' * 7}</p></div>",
        f"<div>{H1}<p>Text.</p></div><ul><li><b>Datum</b> 5.4.2026</li></ul>",
        f"<div>{H1}<p>Text.</p></div><p>Published: 5 April 2026</p>",
    ],
)
def test_a_date_beside_the_headline_is_the_day_of_publication(body):
    """Beside it, before it, at the begin of the text, or behind a label."""
    assert fields(body=body).published.utc() == "2026-04-05"


@pytest.mark.parametrize(
    "body",
    [
        f"<div>{H1}<p>People wait for the old ferry at the pier of Port Alba, 5 April 2026</p></div>",
        f"<div>{H1}<figure><figcaption>The pier, 5 April 2026</figcaption></figure></div>",
        f"<div>{H1}<p>Last updated on April 5, 2026 by Jane Doe</p></div>",
        f"<div>{H1}<p>最終更新：2026年4月5日</p></div>",
    ],
)
def test_the_date_of_a_picture_or_of_a_change_is_no_day_of_publication(body):
    """Unknown is None."""
    assert fields(body=body).published is None


def test_a_leaf_of_a_calendar_is_one_date():
    """Its month, day and year stand in elements of their own, with or without space between."""
    leaf = '<div class="date"><b>Apr</b><b>5</b><b>2026</b></div>'
    for body in (f"{H1}{leaf}", f"{H1}{leaf.replace('><b', '> <b')}"):
        assert fields(body=body).published.utc() == "2026-04-05"


def test_what_stands_behind_updated_is_the_time_of_a_change():
    """One text can have both, in any language known here."""
    for text in (
        "Posted 4 April 2026, updated 5 April 2026",
        "Veröffentlicht 4. April 2026 · Aktualisiert 5. April 2026",
    ):
        found = fields(body=f'{H1}<p class="date">{text}</p>')
        assert (found.published.utc(), found.modified.utc()) == ("2026-04-04", "2026-04-05")


def test_a_date_on_the_screen_is_believed_before_the_moment_the_page_was_put_together():
    """`date` alone may be that moment; but what is shown and later than it is the date of something else."""
    shown = f'{H1}<p class="date">5 April 2026</p>'
    assert fields('<meta name="date" content="2026-04-12">', shown).published.utc() == "2026-04-05"
    assert fields('<meta name="date" content="2026-04-02">', shown).published.utc() == "2026-04-02"
    assert (
        fields('<meta property="article:published_time" content="2026-04-12">', shown).published.utc() == "2026-04-12"
    )


def test_a_date_in_the_foot_of_the_headlines_article_counts():
    """The foot of an article is no foot of the page."""
    foot = "<footer><time datetime='2026-04-05'>5 April</time></footer>"
    assert source(fields(body=f"<article>{H1}{foot}</article>"), "published") == "time"
    assert source(fields(body=f"<article>{H1}</article>{foot}"), "published") != "time"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (
            f"<div>{H1}<p>Von <a href='/x'><b>Jane Doe</b></a> und <a href='/y'>John Roe</a></p></div>",
            ("Jane Doe", "John Roe"),
        ),
        (f"<div><p>By Jane Doe</p>{H1}</div>", ("Jane Doe",)),
        (f"<div>{H1}<p>11.12.2025 - Jane Doe</p></div>", ("Jane Doe",)),
        (f"<div>{H1}<p>Jane Doe</p><p>11 December 2025</p><img alt='Jane Doe'></div>", ("Jane Doe",)),
        (f"<div>{H1}<p>Open Future</p><p>11 December 2025</p></div>", ()),
        (f"<div>{H1}<p>Text.</p></div><ul><li><b>Autorin/Autor</b> Jane Doe</li></ul>", ("Jane Doe",)),
        (f"<div>{H1}<p>Text.</p></div><p>Author: Jane Doe, head of the pier</p>", ("Jane Doe",)),
        (f"<div>{H1}<p>Text.</p></div><p>Author: see below</p>", ()),
        (f"<div>{H1}<p>Text.</p></div><p>（责任编辑：王小明、李大山）</p>", ("王小明", "李大山")),
        (f"<div>{H1}<a href='/author/jane-doe/'>Jane Doe</a></div>", ("Jane Doe",)),
        (f"<div>{H1}<aside><a href='/author/jane-doe/'>Jane Doe</a></aside></div>", ()),
    ],
)
def test_a_name_without_markup_is_found_where_nothing_else_names_a_person(body, names):
    """After "by", beside a date, behind a label, or as the link to an author's page; never a guess at a capitalised phrase."""
    assert fields(body=body).authors == names


def test_what_is_declared_is_not_searched_for():
    """A person in JSON-LD leaves the page's texts unread."""
    found = fields(
        ld(author={"name": "Jane Doe"}, datePublished="2026-04-05"), f"<div>{H1}<p>By John Roe, 3 April 2026</p></div>"
    )
    assert (found.authors, found.published.utc()) == (("Jane Doe",), "2026-04-05")
