"""Uploads: straight to disk, and cut off where they are larger than the node takes."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler


class ToDisk(TemporaryFileUploadHandler):
    """Writes what comes to a file of its own; `request.upload_refused` says that it was too large.

    What is cut off is removed at once: an upload without end fills no disk.
    """

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._taken = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a piece, or stop."""
        self._taken += len(raw_data)
        if self._taken > settings.UPLOAD_LIMIT:
            if self.request is not None:
                self.request.upload_refused = True  # type: ignore[attr-defined]
            self.file.close()
            raise StopUpload(connection_reset=False)
        super().receive_data_chunk(raw_data, start)
