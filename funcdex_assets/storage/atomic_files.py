"""Writing a file in one step: a reader sees the old content or the new one, never a part of it.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp()) / "new" / "a.txt"
>>> replace_file(path, b"whole")
>>> path.read_bytes(), [other.name for other in path.parent.iterdir()]
(b'whole', ['a.txt'])
"""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Makes the folder if need be; what a process that is killed leaves behind begins with a dot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        if path.exists():
            temporary.chmod(path.stat().st_mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
