"""Writing a file in one step: a reader sees the old content or the new one, never a part of it.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp()) / "new" / "a.txt"
>>> replace_file(path, b"whole")
>>> path.read_bytes(), [entry.name for entry in path.parent.iterdir()]
(b'whole', ['a.txt'])
"""

import os
from pathlib import Path
from secrets import token_hex

from funcdex_assets.storage.disk_errors import explaining_disk_errors


def replace_file(path: Path, content: bytes) -> None:
    """Replaces a file in one step and makes its folder if needed; a killed process leaves only a dot file behind.

    Raises:
        DiskError: the disk is full or read-only; the file is as it was.
    """
    with explaining_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{token_hex(4)}.tmp")
        try:
            temporary.write_bytes(content)
            if path.exists():
                temporary.chmod(path.stat().st_mode)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
