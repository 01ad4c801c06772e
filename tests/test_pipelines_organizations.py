"""Organisations among authors, and names cut free of roles and places of work."""

import pytest

from pipelines import authors
from tests.claimed import fields, ld


@pytest.mark.parametrize(
    ("author", "organizations"),
    [
        ({"@type": "Organization", "name": "Tide Lines"}, ("Tide Lines",)),
        ({"@type": ["Person", "Organization"], "name": "Jane Doe"}, ()),
        ({"name": "Harbour Herald"}, ("Harbour Herald",)),
        ({"name": "Reuters"}, ("Reuters",)),
        ({"name": "Redaktion Hafenblatt"}, ("Redaktion Hafenblatt",)),
        ({"name": "Pier Works GmbH"}, ("Pier Works GmbH",)),
        ({"name": "Jane Doe"}, ()),
    ],
)
def test_organisations_among_the_authors_are_marked(author, organizations):
    """Declared ones, the site itself, agencies, and what says so by its words; they stay authors."""
    head = '<meta property="og:site_name" content="Harbour Herald">' + ld(author=author)
    found = fields(head)
    assert (found.authors, found.organizations) == ((author["name"],), organizations)


def test_an_agency_beside_a_person_is_marked_alone():
    """Both are authors."""
    found = fields(ld(author=[{"name": "Jane Doe"}, {"name": "AFP"}]))
    assert (found.authors, found.organizations) == (("Jane Doe", "AFP"), ("AFP",))


@pytest.mark.parametrize(
    "declared", ["Harbour Herald", "Reuters", "Tidings (www.harbour-herald.test)", "Hafen Redaktion"]
)
def test_an_organisation_yields_to_a_person_that_the_page_names(declared):
    """Systems fill the field with the house's name where an editor did not."""
    head = f'<meta property="og:site_name" content="Harbour Herald"><meta name="author" content="{declared}">'
    assert fields(head, '<h1>Ferry sails</h1><p class="byline">By Jane Doe</p>').authors == ("Jane Doe",)
    assert len(fields(head).authors) == 1


def test_an_agency_in_json_ld_is_the_author():
    """It is named on purpose; a byline beside it may be another story's."""
    assert fields(ld(author={"name": "AFP"}), '<h1>Ferry sails</h1><p class="byline">By Jane Doe</p>').authors == (
        "AFP",
    )


def test_a_user_name_is_spelled_out_by_a_byline():
    """Only by one of the same letters."""
    head = ld(author={"name": "janedoe"})
    assert fields(head, '<h1>x</h1><p class="byline">By Jane Doe</p>').authors == ("Jane Doe",)
    assert fields(head, '<h1>x</h1><p class="byline">By John Roe</p>').authors == ("janedoe",)


def test_of_bylines_on_the_screen_the_one_that_says_so_counts():
    """A list of topics in an element called after the author is none."""
    body = '<h1>x</h1><p class="author-meta">Filed: Harbour</p><p class="author-meta">By Jane</p>'
    assert fields(body=body).authors == ("Jane",)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("By Jane Doe Senior Harbour Reporter", ("Jane Doe",)),
        ("Jane Doe staff writer", ("Jane Doe",)),
        ("Jane Doe and John Roe For The Tidings", ("Jane Doe", "John Roe")),
        ("Jane Doe 7 hours ago", ("Jane Doe",)),
        ("Redaktion 1. November 2025", ("Redaktion",)),
        ("Jane Doe, MPH, R.D.", ("Jane Doe",)),
        ("Jane de la Cruz", ("Jane de la Cruz",)),
        ("und", ()),
        ("November", ()),
        ("Donnerstag", ()),
    ],
)
def test_names_lose_roles_and_what_else_follows_them(value, names):
    """A role without a comma, whom it was written for, figures; days and joining words are no names."""
    assert authors.names([value]) == names


def test_the_sites_name_behind_a_name_is_cut():
    """As some systems sign."""
    assert authors.names(["Jane Doe Harbour Herald"], frozenset({"harbour herald"})) == ("Jane Doe",)
