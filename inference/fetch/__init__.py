"""Files behind links, fetched for a pack: only from public hosts, within limits, with nothing given away."""

from inference.fetch._addresses import is_public
from inference.fetch._fetcher import Fetcher, fetch

__all__ = ["Fetcher", "fetch", "is_public"]
