"""Appends each SMS to sms.csv, beside this file: HANDLERS=docs/examples/sms_to_csv.py"""

import csv
import fcntl
from pathlib import Path

from receiver.handlers import Event, on

FILE = Path(__file__).with_name("sms.csv")


@on("sms.received", timeout=10)
def append(event: Event) -> None:
    with FILE.open("a+", newline="", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        # An event can come again, when it was cut short the last time.
        if any(row[0] == str(event.id) for row in csv.reader(file)):
            return
        csv.writer(file).writerow([event.id, event.received_at.isoformat(), event.sender, event.text])
