"""Train the models that tell text blocks from the rest of a page (pipelines/models/*.json), and say how good they are.

Usage: NEWSWARC_CORPUS=FOLDER train_blocks.py [--check]; needs catboost (`pip install newswarc[train]`).

A block's label comes from the corpus: with a body as truth, whether the block's words stand in it in that order (runs of four);
with snippets alone, only the blocks that hold one are labelled. Sites are kept together: --check prints figures of models that
have seen no page of the site, in five parts. Beside the weights that are used, others are written that have not seen the third of
the sites that is held out, for `make eval` to measure there (scripts/unseen_models/).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from pipelines import body, jsonld, metadata
from pipelines.arrays import Array, Numbers
from pipelines.block_model import Trees, agreement
from pipelines.blocks import Blocks, blocks_of
from pipelines.decode import decode
from pipelines.extract import fast_verdict
from pipelines.features import Known, Measured, measure
from pipelines.gather import gather
from pipelines.tree import parse
from scripts.held_out import ONE_OF, UNSEEN, is_held_out, number, site_of
from storage.articles.edits import WIDE

SEED = 7
PARTS = 5
DEPTH = 5
SETTINGS: dict[str, Any] = {
    "iterations": 150, "depth": DEPTH, "learning_rate": 0.15, "l2_leaf_reg": 5, "rsm": 0.5, "subsample": 0.8, "border_count": 64,
    "boosting_type": "Plain", "bootstrap_type": "Bernoulli", "random_seed": SEED, "verbose": 0, "allow_writing_files": False,
    "thread_count": 2,
}  # fmt: skip
MODELS = Path(__file__).resolve().parent.parent / "pipelines" / "models"
FETCHED_AT = "2026-11-01T00:00:00.000Z"
_WORD = re.compile(f"[{WIDE}]|[^\\W{WIDE}]+")
_RUN = 4  # words


@dataclass(slots=True)
class Sample:
    """One page: what is measured of it, and the labels of its kept blocks; -1 where nothing is known."""

    name: str
    site: str
    page: Blocks
    known: Known
    measured: Measured
    heard: Array  # the rows and trafilatura's verdict
    texts: list[str]
    labels: Numbers
    sizes: Numbers  # words
    body: list[str]


def part(site: str) -> int:
    """Which of the PARTS a site belongs to."""
    return number(site) // ONE_OF % PARTS


def words(text: str) -> list[str]:
    """The words of a text; of scripts without spaces, its characters."""
    return _WORD.findall(text)


def load(row: dict[str, Any]) -> Sample | None:
    """A page of the corpus, measured and labelled; None where it has no blocks."""
    path = Path(os.environ["NEWSWARC_CORPUS"]) / row["corpus"] / "html" / f"{row['id']}.html.gz"
    tree = parse(decode(gzip.decompress(path.read_bytes()), "text/html"))
    url = row.get("url") or ""
    claims = gather(tree, url, None, FETCHED_AT)
    fields = metadata.choose(claims, url, FETCHED_AT)
    declared = " ".join(jsonld.strings((claims.node or {}).get("articleBody"))[:1])
    page = blocks_of(tree)
    if not page.blocks:
        return None
    known = Known(fields.title or "", fields.description or "", declared, fields.authors)
    measured = measure(page, known)
    texts = [block.text for block in page.blocks]
    verdict = fast_verdict(tree, url)
    heard = np.hstack([measured.rows, agreement(measured, texts, verdict)])
    kept = [texts[index] for index in measured.kept]
    truth = [line.strip("[]") if line[:1] == "[" and line[-1:] == "]" else line for line in row.get("body") or []]
    labels = labelled(kept, truth) if truth else hinted(kept, row.get("with") or [], row.get("without") or [])
    sizes = np.array([len(words(text)) for text in kept], float)
    return Sample(f"{row['corpus']}/{row['id']}", site_of(row), page, known, measured, heard, texts, labels, sizes, truth)


def labelled(texts: list[str], body: list[str]) -> Numbers:
    """1 for each text of which most words stand in the body in runs, 0 for the others."""
    said = words("\n".join(body))
    runs = {tuple(said[at : at + _RUN]) for at in range(len(said) - _RUN + 1)}
    short = {tuple(words(line)) for line in body}
    return np.array([_stands(words(text), runs, short) for text in texts], float)


def _stands(said: list[str], runs: set[tuple[str, ...]], short: set[tuple[str, ...]]) -> bool:
    if len(said) < _RUN:
        return tuple(said) in short
    covered = np.zeros(len(said), bool)
    for at in range(len(said) - _RUN + 1):
        if tuple(said[at : at + _RUN]) in runs:
            covered[at : at + _RUN] = True
    return bool(covered.mean() >= 0.6)


def hinted(texts: list[str], wanted: list[str], unwanted: list[str]) -> Numbers:
    """1 and 0 for the texts that hold a snippet that belongs to the body, or that does not; -1 for all others."""
    squeezed = [" ".join(text.split()) for text in texts]
    yes = [" ".join(text.split()) for text in wanted]
    no = [" ".join(text.split()) for text in unwanted]
    return np.array([1.0 if any(s in t for s in yes) else 0.0 if any(s in t for s in no) else -1.0 for t in squeezed])


def fit(samples: list[Sample], *, heard: bool) -> Trees:
    """Trees trained on all blocks with a label; `heard`: with trafilatura's verdict."""
    from catboost import CatBoostClassifier
    from catboost import Pool as Data

    rows = np.vstack([(s.heard if heard else s.measured.rows)[s.labels >= 0] for s in samples])
    target = np.concatenate([s.labels[s.labels >= 0] for s in samples])
    weight = np.concatenate([weights_of(s)[s.labels >= 0] for s in samples])
    model = CatBoostClassifier(**SETTINGS)
    model.fit(Data(rows, target, weight=weight))
    path = MODELS / "training.tmp"
    model.save_model(str(path), format="json")
    told = json.loads(path.read_text("utf-8"))
    path.unlink()
    return _trees(told, rows.shape[1])


def _trees(told: dict[str, Any], width: int) -> Trees:
    columns: list[int] = []
    borders: list[float] = []
    leaves: list[list[float]] = []
    for tree in told["oblivious_trees"]:
        splits = tree["splits"] + [{"float_feature_index": 0, "border": 1e30}] * (DEPTH - len(tree["splits"]))
        columns.extend(split["float_feature_index"] for split in splits)
        borders.extend(split["border"] for split in splits)
        leaves.append((tree["leaf_values"] * (1 << DEPTH))[: 1 << DEPTH])
    scale, (bias,) = told["scale_and_bias"]
    return Trees(
        np.array(columns), np.array(borders, np.float32), np.round(np.array(leaves) * scale, 5), round(bias, 5), width
    )


def weights_of(sample: Sample) -> Numbers:
    """Every page counts alike, its blocks by the root of their words; pages with snippets alone count little."""
    roots = np.sqrt(sample.sizes)
    if not sample.body:
        return np.full(len(roots), 0.3)
    weights: Numbers = roots / max(30.0, roots[sample.labels > 0].sum()) * 20
    return weights


def train(samples: list[Sample]) -> tuple[Trees, Trees]:
    """The model that judges alone, and the one that hears trafilatura."""
    return fit(samples, heard=False), fit(samples, heard=True)


def write(folder: Path, samples: list[Sample]) -> None:
    """Train, and write both models as JSON, one line a part."""
    folder.mkdir(exist_ok=True)
    for name, trees in zip(("alone", "with_verdict"), train(samples), strict=True):
        told = {
            "width": trees.width,
            "bias": trees.bias,
            "columns": trees.columns.tolist(),
            "borders": [float(f"{border:.6g}") for border in trees.borders],
            "leaves": trees.leaves.tolist(),
        }
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in told.items())
        path = folder / f"{name}.json"
        path.write_text("{\n" + lines + "\n}\n", "utf-8")
        print(f"{path}: {len(trees.leaves)} trees, {len(samples)} pages, {path.stat().st_size:,} bytes")


def f1(text: str, body: list[str]) -> float:
    """F1 over runs of four words."""
    got, wanted = _runs(text), _runs("\n".join(body))
    return 2 * sum((got & wanted).values()) / max(1, sum(got.values()) + sum(wanted.values()))


def _runs(text: str) -> Counter[tuple[str, ...]]:
    said = words(text)
    return Counter(tuple(said[at : at + _RUN]) for at in range(max(1, len(said) - _RUN + 1)))


def check(samples: list[Sample]) -> None:
    """Print the mean page F1 of each corpus, with models that have not seen the site, as `extract` uses them."""
    scores: dict[str, list[float]] = {}
    for turn in range(PARTS):
        alone, heard = train([sample for sample in samples if part(sample.site) != turn])
        for sample in samples:
            if part(sample.site) == turn and sample.body:
                scores.setdefault(sample.name.split("/")[0], []).append(f1(_text(sample, alone, heard), sample.body))
    print("mean F1 of pages of sites that were not trained on")
    for corpus, found in scores.items():
        print(f"{corpus:20} {len(found):4}  {np.mean(found):.4f}")


def _text(sample: Sample, alone: Trees, heard: Trees) -> str:
    chances = alone.probabilities(sample.measured.rows)
    if body.doubt(chances, sample.measured.width[sample.measured.kept]) > body.DOUBT:
        chances = heard.probabilities(sample.heard)
    return "\n".join(line.text for line in body.chosen(sample.page, sample.known, sample.measured, chances))


def main() -> None:
    """Train on the corpus and write the models, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    corpus = Path(os.environ["NEWSWARC_CORPUS"])
    rows = [
        {**json.loads(line), "corpus": truth.parent.name}
        for truth in sorted(corpus.glob("*/truth.jsonl"))
        for line in truth.read_text("utf-8").splitlines()
    ]
    with Pool(2) as pool:
        samples = [sample for sample in pool.map(load, rows, chunksize=8) if sample is not None]
    if arguments.check:
        check(samples)
        return
    write(MODELS, samples)
    write(UNSEEN, [sample for sample in samples if not is_held_out(sample.site)])


if __name__ == "__main__":
    main()
