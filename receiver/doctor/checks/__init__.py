"""The checks, in the order of the report. A new one is a file here, and a line below."""

from receiver.doctor.checks import (
    address,
    archive,
    clock,
    database,
    deliveries,
    disk,
    handlers,
    integrity,
    keys,
    numbers,
    provider,
    quarantine,
    rules,
    service,
    settings,
    spool,
)

ALL = (
    settings.CHECK,
    database.CHECK,
    integrity.CHECK,
    spool.CHECK,
    disk.CHECK,
    clock.CHECK,
    quarantine.CHECK,
    archive.CHECK,
    service.CHECK,
    deliveries.CHECK,
    handlers.CHECK,
    rules.CHECK,
    address.CHECK,
    keys.CHECK,
    provider.CHECK,
    numbers.CHECK,
)
