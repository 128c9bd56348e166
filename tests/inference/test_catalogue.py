import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.catalogue import WRITE_EVERY, Catalogue, Snapshot
from inference.errors import CatalogueError, PackError
from inference.fingerprints import BYTES, Bits
from inference.pack import GifSource, Pack, PackGif, read_pack
from tests import tiny

DIM = 8


def embed(path: Path, entry: PackGif) -> NDArray[np.float32]:
    """A vector that tells GIF and name apart."""
    seed = int(hashlib.sha256(f"{entry.id} {entry.name}".encode()).hexdigest()[:8], 16)
    return np.random.default_rng(seed).normal(size=DIM).astype(np.float32)


def fake_pack(folder: Path, count: int, name: str = "gif") -> Pack:
    folder.mkdir(exist_ok=True)
    gifs = []
    for number in range(count):
        (folder / f"{number}.gif").touch()
        identity = hashlib.sha256(f"{number}".encode()).hexdigest()
        gifs.append(
            PackGif(
                id=identity,
                file=f"{number}.gif",
                name=f"{name} {number}",
                categories=["hug"],
                tags=[],
                alt_text="A hug.",
                source=GifSource(),
                licence="CC0-1.0",
            )
        )
    return Pack(folder, gifs, f"{name}-{count}")


class Counter:
    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, path: Path, entry: PackGif) -> NDArray[np.float32]:
        self.names.append(entry.name)
        return embed(path, entry)


class Looks:
    """Fingerprints that tell GIFs apart; whose were made is noted."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, path: Path, entry: PackGif) -> Bits:
        self.names.append(entry.name)
        return look(entry)


def look(entry: PackGif) -> Bits:
    return np.random.default_rng(int(entry.id[:8], 16)).integers(0, 256, BYTES, np.uint8)


def sync(
    path: Path, packs: list[Pack], counter: Counter, model: str = "m", looks: Looks | None = None
) -> Snapshot:
    catalogue = Catalogue(path)
    try:
        return catalogue.sync(packs, model, DIM, counter, fingerprint=looks)
    finally:
        catalogue.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "catalogue.sqlite"


def test_a_snapshot_has_the_gifs_in_pack_order_with_their_vectors(path: Path, tmp_path: Path) -> None:
    pack = fake_pack(tmp_path / "p", 5)
    snapshot = sync(path, [pack], Counter())
    assert [gif.entry for gif in snapshot.gifs] == pack.gifs
    assert snapshot.gifs[2].path == tmp_path / "p" / "2.gif"
    np.testing.assert_array_equal(snapshot.vectors, [embed(Path(), gif) for gif in pack.gifs])


def test_what_is_known_is_not_embedded_again(path: Path, tmp_path: Path) -> None:
    counter = Counter()
    first = sync(path, [fake_pack(tmp_path / "p", 3)], counter)
    second = sync(path, [fake_pack(tmp_path / "p", 3)], counter)
    assert len(counter.names) == 3
    assert first.version == second.version


def test_new_gifs_are_added_and_gone_ones_removed(path: Path, tmp_path: Path) -> None:
    counter = Counter()
    first = sync(path, [fake_pack(tmp_path / "p", 3)], counter)
    grown = sync(path, [fake_pack(tmp_path / "p", 5)], counter)
    assert counter.names == [f"gif {n}" for n in range(5)]
    shrunk = sync(path, [fake_pack(tmp_path / "p", 2)], counter)
    assert [len(s.gifs) for s in (first, grown, shrunk)] == [3, 5, 2]
    assert len({s.version for s in (first, grown, shrunk)}) == 3
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM gifs").fetchone() == (2,)
        assert db.execute("SELECT count(*) FROM vectors").fetchone() == (2,)
    db.close()


def test_a_renamed_gif_gets_a_new_vector(path: Path, tmp_path: Path) -> None:
    counter = Counter()
    sync(path, [fake_pack(tmp_path / "p", 2)], counter)
    renamed = fake_pack(tmp_path / "p", 2, name="other")
    snapshot = sync(path, [renamed], counter)
    assert counter.names == ["gif 0", "gif 1", "other 0", "other 1"]
    np.testing.assert_array_equal(snapshot.vectors[1], embed(Path(), renamed.gifs[1]))


def test_each_model_has_its_own_vectors_and_keeps_them(path: Path, tmp_path: Path) -> None:
    counter = Counter()
    pack = fake_pack(tmp_path / "p", 2)
    versions = [sync(path, [pack], counter, model).version for model in ("m", "n", "m")]
    assert len(counter.names) == 4
    assert versions[0] == versions[2] != versions[1]


def test_a_gif_of_two_packs_counts_once_for_the_first(path: Path, tmp_path: Path) -> None:
    one, two = fake_pack(tmp_path / "one", 2), fake_pack(tmp_path / "two", 3, name="two")
    snapshot = sync(path, [one, two], Counter())
    assert [gif.entry.name for gif in snapshot.gifs] == ["gif 0", "gif 1", "two 2"]
    alone = sync(path, [two], Counter())
    assert [gif.entry.name for gif in alone.gifs] == ["two 0", "two 1", "two 2"]


def test_progress_goes_up_to_the_number_to_embed(path: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    catalogue = Catalogue(path)
    catalogue.sync([fake_pack(tmp_path / "p", 3)], "m", DIM, embed, lambda *call: calls.append(call))
    catalogue.close()
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_missing_gif_is_named(path: Path, tmp_path: Path) -> None:
    pack = fake_pack(tmp_path / "p", 3)
    sync(path, [pack], Counter())
    (tmp_path / "p" / "1.gif").unlink()
    with pytest.raises(PackError, match=r"1\.gif is missing"):
        sync(path, [pack], Counter())


def test_a_gif_may_be_a_link_and_its_place_be_written_in_any_way(path: Path, tmp_path: Path) -> None:
    pack = fake_pack(tmp_path / "p", 3)
    (tmp_path / "p" / "deep").mkdir()
    (tmp_path / "p" / "deep" / "link.gif").symlink_to(tmp_path / "p" / "0.gif")
    files = ["deep/link.gif", "./1.gif", "deep//link.gif"]
    moved = [msgspec.structs.replace(gif, file=file) for gif, file in zip(pack.gifs, files, strict=True)]
    assert len(sync(path, [Pack(pack.folder, moved, "moved")], Counter()).gifs) == 3


@pytest.mark.parametrize("what", ["folder", "dangling link"])
def test_what_is_no_file_counts_as_missing(path: Path, tmp_path: Path, what: str) -> None:
    pack = fake_pack(tmp_path / "p", 3)
    gif = tmp_path / "p" / "1.gif"
    gif.unlink()
    if what == "folder":
        gif.mkdir()
    else:
        gif.symlink_to(tmp_path / "nowhere")
    with pytest.raises(PackError, match=r"1\.gif is missing"):
        sync(path, [pack], Counter())


def test_the_file_takes_little_more_than_its_vectors(tmp_path: Path) -> None:
    dim, count = 256, 400
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    pack = fake_pack(tmp_path / "p", count)
    catalogue.sync([pack], "m", dim, lambda _, entry: np.full(dim, len(entry.name), dtype=np.float32))
    catalogue.close()
    assert (tmp_path / "catalogue.sqlite").stat().st_size < 2.5 * count * dim * 4


def test_a_failure_in_the_middle_leaves_the_old_list(path: Path, tmp_path: Path) -> None:
    old = sync(path, [fake_pack(tmp_path / "p", 3)], Counter())

    def refuse(_: Path, entry: PackGif) -> NDArray[np.float32]:
        raise PackError(f"{entry.name} is broken.")

    catalogue = Catalogue(path)
    with pytest.raises(PackError, match="gif 3 is broken"):
        catalogue.sync([fake_pack(tmp_path / "p", 9)], "m", DIM, refuse)
    catalogue.close()
    counter = Counter()
    again = sync(path, [fake_pack(tmp_path / "p", 3)], counter)
    assert again.version == old.version
    assert counter.names == []


@pytest.mark.parametrize(
    ("damage", "again"),
    [
        ("DELETE FROM vectors", ["gif 0", "gif 1", "gif 2"]),
        ("DELETE FROM vectors WHERE gif = (SELECT id FROM gifs WHERE position = 1)", ["gif 1"]),
        ("UPDATE vectors SET vector = substr(vector, 1, 12)", ["gif 0", "gif 1", "gif 2"]),
        (
            "UPDATE vectors SET vector = CAST(x'0000c07f' || substr(vector, 5) AS BLOB)",
            ["gif 0", "gif 1", "gif 2"],
        ),
        ("UPDATE vectors SET vector = 'words'", ["gif 0", "gif 1", "gif 2"]),
        ("UPDATE vectors SET content = 'x'", ["gif 0", "gif 1", "gif 2"]),
        ("UPDATE gifs SET entry = x'ff00' WHERE position = 2", []),
        ("UPDATE gifs SET pack = '/nowhere'", []),
        ("UPDATE gifs SET position = 7 - position", []),
        ("DELETE FROM gifs WHERE position = 0", []),
        ("DELETE FROM gifs", []),
    ],
)
def test_what_is_damaged_is_made_again(path: Path, tmp_path: Path, damage: str, again: list[str]) -> None:
    pack, counter = fake_pack(tmp_path / "p", 3), Counter()
    whole = sync(path, [pack], Counter())
    with sqlite3.connect(path) as db:
        db.execute(damage)
    db.close()
    for _ in range(2):
        mended = sync(path, [pack], counter)
        assert mended.gifs == whole.gifs
        np.testing.assert_array_equal(mended.vectors, whole.vectors)
    assert counter.names == again


def test_a_snapshot_has_the_fingerprints_of_its_gifs(path: Path, tmp_path: Path) -> None:
    pack, counter, looks = fake_pack(tmp_path / "p", 5), Counter(), Looks()
    for _ in range(2):
        snapshot = sync(path, [pack], counter, looks=looks)
        np.testing.assert_array_equal(snapshot.fingerprints, [look(gif) for gif in pack.gifs])
    assert looks.names == counter.names == [f"gif {number}" for number in range(5)]
    assert sync(path, [pack], counter).fingerprints.shape == (5, 0)


def test_a_catalogue_of_before_there_were_fingerprints_gets_them(path: Path, tmp_path: Path) -> None:
    pack, counter, looks = fake_pack(tmp_path / "p", WRITE_EVERY + 2), Counter(), Looks()
    old = sync(path, [pack], Counter())
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE fingerprints")
    db.close()
    calls: list[tuple[int, int]] = []
    catalogue = Catalogue(path)
    new = catalogue.sync([pack], "m", DIM, counter, lambda *call: calls.append(call), looks)
    catalogue.close()
    assert counter.names == []
    assert len(looks.names) == len(pack.gifs)
    assert calls[-1] == (len(pack.gifs), len(pack.gifs))
    assert (new.gifs, new.version) == (old.gifs, old.version)
    np.testing.assert_array_equal(new.vectors, old.vectors)
    np.testing.assert_array_equal(new.fingerprints[-1], look(pack.gifs[-1]))


def test_a_fingerprint_outlives_names_and_models_but_not_its_gif(path: Path, tmp_path: Path) -> None:
    counter, looks = Counter(), Looks()
    sync(path, [fake_pack(tmp_path / "p", 3)], counter, looks=looks)
    sync(path, [fake_pack(tmp_path / "p", 3, name="other")], counter, "n", looks)
    assert (len(counter.names), len(looks.names)) == (6, 3)
    sync(path, [fake_pack(tmp_path / "p", 1)], counter, "n", looks)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM fingerprints").fetchone() == (1,)
    db.close()


@pytest.mark.parametrize(
    ("damage", "again"),
    [
        ("DELETE FROM fingerprints", ["gif 0", "gif 1", "gif 2"]),
        ("UPDATE fingerprints SET kind = 'of another program'", ["gif 0", "gif 1", "gif 2"]),
        ("UPDATE fingerprints SET fingerprint = 'words'", ["gif 0", "gif 1", "gif 2"]),
        (
            "UPDATE fingerprints SET fingerprint = substr(fingerprint, 2)"
            " WHERE gif = (SELECT id FROM gifs WHERE position = 1)",
            ["gif 1"],
        ),
        ("DELETE FROM gifs", []),
    ],
)
def test_damaged_fingerprints_are_made_again(
    path: Path, tmp_path: Path, damage: str, again: list[str]
) -> None:
    pack, counter, looks = fake_pack(tmp_path / "p", 3), Counter(), Looks()
    whole = sync(path, [pack], Counter(), looks=Looks())
    with sqlite3.connect(path) as db:
        db.execute(damage)
    db.close()
    for _ in range(2):
        mended = sync(path, [pack], counter, looks=looks)
        np.testing.assert_array_equal(mended.fingerprints, whole.fingerprints)
    assert (counter.names, looks.names) == ([], again)


def test_what_is_forgotten_is_made_again(path: Path, tmp_path: Path) -> None:
    pack, counter, looks = fake_pack(tmp_path / "p", 2), Counter(), Looks()
    sync(path, [pack], counter, looks=looks)
    catalogue = Catalogue(path)
    catalogue.forget("m")
    catalogue.close()
    sync(path, [pack], counter, looks=looks)
    assert counter.names == looks.names == ["gif 0", "gif 1"] * 2


def test_a_lost_table_gets_a_sentence(path: Path, tmp_path: Path) -> None:
    pack = fake_pack(tmp_path / "p", 3)
    sync(path, [pack], Counter())
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE vectors")
    db.close()
    with pytest.raises(CatalogueError, match=r"no such table.*move a damaged file away"):
        sync(path, [pack], Counter())


@pytest.mark.parametrize(
    "content", [b"this is no database, but long enough " * 40, b"SQLite format 3\x00broken"]
)
def test_a_file_that_is_no_catalogue_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(content)
    with pytest.raises(CatalogueError, match="move a damaged file away"):
        Catalogue(path)
    assert path.read_bytes() == content


def test_a_catalogue_of_a_later_schema_is_refused(path: Path) -> None:
    Catalogue(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(CatalogueError, match="schema 99"):
        Catalogue(path)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE fingerprints")
    db.close()
    with pytest.raises(CatalogueError, match="schema 99"):
        Catalogue(path)
    with sqlite3.connect(path) as db:
        assert ("fingerprints",) not in db.execute("SELECT name FROM sqlite_master").fetchall()
    db.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogueError, match="REPARTEE_DATA_DIR"):
        Catalogue(tmp_path / "file" / "catalogue.sqlite")


KILLED = """
import os, signal, sys
from pathlib import Path
from inference.catalogue import Catalogue
from inference.pack import read_pack
import numpy as np
made = 0
def embed(path, entry):
    global made
    if made == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    made += 1
    return np.ones(8, dtype=np.float32)
Catalogue(Path(sys.argv[1])).sync([read_pack(Path(sys.argv[2]))], "m", 8, embed)
"""


def run(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=environment)


def test_a_kill_in_the_middle_loses_nothing_and_work_goes_on(path: Path, tmp_path: Path) -> None:
    few = tiny.make_pack(tmp_path / "p", tiny.GIFS[:4])
    sync(path, [read_pack(few)], Counter())
    more = tiny.make_pack(tmp_path / "q", [(f"{n}.gif", f"{n}", ["hug"], []) for n in range(WRITE_EVERY + 8)])
    assert run(KILLED, path, more, WRITE_EVERY + 4).wait() == -signal.SIGKILL
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM gifs").fetchone() == (4,)
    db.close()
    counter = Counter()
    snapshot = sync(path, [read_pack(more)], counter)
    assert len(snapshot.gifs) == WRITE_EVERY + 8
    assert len(counter.names) == 8


TOGETHER = """
import sys
from pathlib import Path
from inference.catalogue import Catalogue
from inference.pack import read_pack
import numpy as np
sys.stdin.read()
catalogue = Catalogue(Path(sys.argv[1]))
snapshot = catalogue.sync([read_pack(Path(sys.argv[2]))], "m", 4, lambda p, e: np.ones(4, dtype=np.float32))
assert len(snapshot.gifs) == 12, len(snapshot.gifs)
"""


def test_processes_that_start_together_on_nothing_do_not_clash(path: Path, tiny_pack: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", TOGETHER, str(path), str(tiny_pack)]
    several = [subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) for _ in range(3)]
    for process in several:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait() for process in several] == [0, 0, 0]
