"""The benchmark of taking in runs from end to end on a handful of files, and finds what it adds."""

import json
from pathlib import Path

import pytest

from benchmarks import ingest
from benchmarks._own_catalogue import fill, found_after
from inference.bundle import load_bundle
from inference.catalogue import OwnGifs
from inference.engine import Engine
from inference.pack import read_pack


def test_it_measures_all_contenders(
    tiny_bundle: Path, tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "ingest.json"
    ingest.main(tiny_bundle, tiny_pack, every=3, processes=1, own=50, json_file=written)
    report = json.loads(written.read_text())
    figures = {figure["what"]: figure["value"] for figure in report["figures"]}
    assert figures["added"] == 1.0
    assert figures["frames a GIF"] == 6.0
    assert all(value > 0 for name, value in figures.items() if "naive" in name or "memory" in name)
    assert figures["50 own GIFs: found after, worst of 5"] < 60
    assert {"decode", "vector", "store"} <= report["series"].keys()
    assert "Against the targets" in capsys.readouterr().out


def test_a_made_catalogue_needs_no_files_and_finds_what_is_added(
    tiny_bundle: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    catalogue, bundle = tmp_path / "catalogue.sqlite", load_bundle(tiny_bundle)
    fill(catalogue, bundle, read_pack(tiny_pack).gifs, 40)
    engine = Engine.open(tiny_bundle, [tiny_pack], catalogue)
    assert len(engine) == 40 + len(read_pack(tiny_pack).gifs)
    assert len(found_after(catalogue, engine, 2)) == 2
    with OwnGifs(catalogue) as own:
        assert len(own.gifs()) == 42
