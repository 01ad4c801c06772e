"""All mistakes, by where they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.mistakes.bench import Mistake
from tests.mistakes.ingesting import INGESTING
from tests.mistakes.machine import MACHINE
from tests.mistakes.places import PLACES
from tests.mistakes.rows import ROWS
from tests.mistakes.settings import SETTINGS
from tests.mistakes.sites import SITES
from tests.mistakes.typed import TYPED

TABLES: Mapping[str, Sequence[Mistake]] = {
    "What was typed": TYPED,
    "newswarc.toml": SETTINGS,
    "Folder, archive and disk": PLACES,
    "Database and clock": ROWS,
    "The site": SITES,
    "Files of others": INGESTING,
    "The machine": MACHINE,
}
