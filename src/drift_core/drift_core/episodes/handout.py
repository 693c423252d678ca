"""What a recorder hands out of its store to another machine: listings and pieces of files."""

import json

from drift_config.loader import to_plain

from drift_core.episodes.listing import NAME, FileList, Listing, Shelf
from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError
from drift_core.pieces import NotThereError, Piece, piece_of_bytes, piece_of_file


class Handout:
    """Answers one request after the other; one thread calls it."""

    def __init__(self, store: EpisodeStore) -> None:
        self._shelf = Shelf(store)
        self._listing = b""

    def __call__(self, episode: str, file: str, offset: int, length: int) -> Piece:
        """Return a piece of a file of an episode, or of `.corrections/ID`; without `file`, of its listing.

        Without `episode` it is the listing of the store, as it was when it was last asked for with length 0.
        Both listings are JSON. NotThereError where there is no such episode, or no longer; ValueError for a
        name, an offset or a length that is not allowed, and for a link; OSError.
        """
        if not episode:
            if file:
                raise ValueError(f"file={file!r} must be empty without an episode")
            if length == 0 or not self._listing:
                self._listing = _json(self._shown())
            return piece_of_bytes(self._listing, "the listing", offset, length)
        folder = self._shelf.folder(episode)
        if folder.is_symlink() or not folder.is_dir():
            raise NotThereError(f"{episode}: there is no such episode in {self._shelf.store.root}")
        if file and not NAME.fullmatch(file):
            raise ValueError(f"file={file!r} must be the name of a file of the episode")
        try:
            if not file:
                files = _json(FileList(self._shelf.files(episode)))
                return piece_of_bytes(files, f"the listing of {episode}", offset, length)
            if (folder / file).is_symlink():
                raise ValueError(f"file={file!r} of {episode} must be a file, not a link")
            return piece_of_file(folder / file, offset, length)
        except DataError as error:
            raise ValueError(str(error)) from error
        except FileNotFoundError:
            if folder.is_dir():
                raise
            raise NotThereError(f"{episode}: there is no such episode any longer") from None

    def _shown(self) -> Listing:
        """Return the listing without what is a link: that may lead anywhere."""
        listing = self._shelf.listing()
        root = self._shelf.store.root
        finished = {name: said for name, said in listing.finished.items() if not (root / name).is_symlink()}
        return Listing(listing.open_ids, listing.corrections, finished)


def _json(listing: Listing | FileList) -> bytes:
    return json.dumps(to_plain(listing), separators=(",", ":")).encode()
