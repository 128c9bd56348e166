"""Where the command line finds things: shipped assets, data folder, shared data, threads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bot.cli.messages import BAD_THREADS
from inference.errors import ReparteeError

ROOT = Path(__file__).resolve().parents[2]


class SettingError(ReparteeError):
    """An environment variable has a value that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Paths and threads, each from an environment variable where it is set.

    REPARTEE_BUNDLE, REPARTEE_CAPTIONER (none or nothing for no captions), REPARTEE_PACKS (several with the
    system's path separator), REPARTEE_DATA_DIR, REPARTEE_SHARED, REPARTEE_THREADS.
    """

    bundle: Path
    packs: tuple[Path, ...]
    data_dir: Path
    bench: Path
    threads: int
    captioner: Path | None = None

    @property
    def catalogue(self) -> Path:
        """The SQLite file of the catalogue."""
        return self.data_dir / "catalogue.sqlite"


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingError: a value cannot be used.
    """
    # By hand: pydantic-settings takes a third of a second to import, and each message from the command line
    # would wait for it.
    packs = os.environ.get("REPARTEE_PACKS")
    shared = Path(os.environ.get("REPARTEE_SHARED") or ROOT.parent / "shared")
    return Settings(
        bundle=Path(os.environ.get("REPARTEE_BUNDLE") or ROOT / "assets" / "models" / "house"),
        packs=tuple(map(Path, packs.split(os.pathsep))) if packs else (ROOT / "assets" / "packs" / "fluent",),
        data_dir=Path(os.environ.get("REPARTEE_DATA_DIR") or _user_data_dir()),
        bench=shared / "reactbench" / "dev.jsonl",
        threads=_threads(os.environ.get("REPARTEE_THREADS") or "1"),
        captioner=_captioner(os.environ.get("REPARTEE_CAPTIONER")),
    )


def _captioner(said: str | None) -> Path | None:
    """Return the folder that is named, or the one that came along; None where there is to be none."""
    if said is None:
        shipped = ROOT / "assets" / "models" / "captioner"
        return shipped if shipped.is_dir() else None
    return None if said.strip().lower() in ("", "none") else Path(os.path.expanduser(said))


def _user_data_dir() -> Path:
    import platformdirs

    return platformdirs.user_data_path("repartee", appauthor=False)


def _threads(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise SettingError(BAD_THREADS.format(value=value))
    return int(value)
