"""Is there room where the spool, the archive and an SQLite database are?"""

from __future__ import annotations

import shutil
from pathlib import Path

from receiver.doctor.check import Check, Patient
from receiver.numbers.findings import Finding, graded
from receiver.vocabulary.printable import size

LITTLE, TOO_LITTLE = 1024**3, 200 * 1024**2


def look(patient: Patient, found: list[Finding]) -> str:
    places = {"SPOOL_DIR": patient.config.spool_dir}
    if patient.config.archive_bucket is None:
        places["ARCHIVE_DIR"] = patient.config.archive_dir
    if patient.engine.dialect.name == "sqlite":
        places["DATABASE_URL"] = Path(patient.engine.url.database or "").parent
    free = {name: shutil.disk_usage(path).free for name, path in places.items() if path.is_dir()}
    found += [
        graded(
            left < TOO_LITTLE,
            f"disk-{name.lower()}",
            f"Only {size(left)} are free where {name} is.",
            "Make room; `receiver events prune` deletes what is old.",
        )
        for name, left in free.items()
        if left < LITTLE
    ]
    return f"{size(min(free.values(), default=0))} free"


CHECK = Check("disk", look, without_database=True)
