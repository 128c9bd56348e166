"""Files that are made to do harm end in a refusal, soon and with little memory, or in a clean GIF."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import _mutations as mutations
from inference.errors import RefusedError
from inference.ingest._clip import open_clip
from inference.ingest._scan import scan
from inference.ingest._submission import MIB, Limits
from tests import clips, hostile

ROOT = Path(__file__).resolve().parents[2]
FUZZED = 200
MEMORY = 700 * MIB  # address space of a process with Pillow, numpy and PyAV, and what a file may take
TAKE_IN = """
import resource, sys
from pathlib import Path
import av, numpy, PIL.Image
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
from benchmarks import _mutations as mutations
from inference.errors import RefusedError
from tests.inference.test_hostile_files import take_in
for name in sys.argv[1:]:
    try:
        take_in(Path(name))
        print("taken")
    except RefusedError as error:
        print(error.code)
"""


def take_in(path: Path) -> bytes:
    scan(open_clip(path, Limits()))
    data = clips.encoded(path)
    clips.decoded(data)
    return data


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_it_is_refused(name: str, tmp_path: Path) -> None:
    make, codes = hostile.REFUSED[name]
    path = tmp_path / "sent.gif"
    path.write_bytes(make(tmp_path))
    with pytest.raises(RefusedError) as refused:
        take_in(path)
    assert refused.value.code in codes
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("name", hostile.ODD)
def test_it_is_refused_or_becomes_a_gif(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sent"
    path.write_bytes(hostile.ODD[name](tmp_path))
    with contextlib.suppress(RefusedError):
        assert take_in(path).startswith(b"GIF89a")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_none_takes_much_memory(tmp_path: Path) -> None:
    paths = []
    for number, make in enumerate([make for make, _ in hostile.REFUSED.values()]):
        paths.append(tmp_path / f"{number}.gif")
        paths[-1].write_bytes(make(tmp_path))
    found = subprocess.run(
        [sys.executable, "-c", TAKE_IN.format(limit=MEMORY), *map(str, paths)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.split()) == len(paths)
    assert not {"taken", "too_much_memory"} & set(found.stdout.split())


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png", ".mp4"])
def test_it_may_end_anywhere(ending: str, tmp_path: Path) -> None:
    path, taken = tmp_path / f"whole{ending}", 0
    pictures = clips.moving(4, (32, 64))
    whole = (clips.save_film if ending == ".mp4" else clips.save)(path, pictures).read_bytes()
    cut = tmp_path / "cut"
    for length in range(0, len(whole), 10 if len(whole) < 4_000 else 40):
        cut.write_bytes(whole[:length])
        try:
            take_in(cut)
            taken += 1
        except RefusedError:
            continue
    assert taken < len(whole) / 20
    take_in(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gif")
    with pytest.raises(RefusedError):
        open_clip(tmp_path / "pipe.gif", Limits())


@pytest.mark.parametrize("name", ["", "missing.gif", "a\0b"])
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        open_clip(tmp_path / name, Limits())


def test_what_is_hidden_in_a_gif_does_not_come_out(tmp_path: Path) -> None:
    markup, path = b"<script>alert(1)</script>", tmp_path / "sent.gif"
    comment = b"\x21\xfe" + bytes([len(markup)]) + markup + b"\0"
    whole = clips.save(tmp_path / "clean.gif", clips.moving(3)).read_bytes()
    place = whole.index(b"\x21\xff\x0bNETSCAPE")
    path.write_bytes(whole[:place] + comment + whole[place:] + b"<html>" + markup)
    data = take_in(path)
    assert markup not in data
    assert data == whole


def test_mutated_files_are_taken_or_refused(tmp_path: Path) -> None:
    sources = [
        (clips.save_film if ending == ".mp4" else clips.save)(
            tmp_path / f"{number}{ending}", clips.moving(4, (40, 64), clear=number > 0)
        )
        for number in range(2)
        for ending in (".gif", ".webp", ".png")
    ]
    rng, found = random.Random(20), {"taken": 0, "refused": 0}
    path = tmp_path / "mutant"
    for number in range(FUZZED):
        path.write_bytes(mutations.mutate(sources[number % len(sources)].read_bytes(), rng))
        try:
            take_in(path)
            found["taken"] += 1
        except RefusedError:
            found["refused"] += 1
    assert min(found.values()) > FUZZED / 20, found
