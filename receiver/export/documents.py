"""Lists other than that of events, such as calls, as CSV for spreadsheets and as JSON lines for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from receiver.export.export import Form
from receiver.export.json_lines import document_lines
from receiver.export.spreadsheet import csv_pieces

Batch = Sequence[Mapping[str, Any]]


def export_documents(
    found: Iterable[Batch], form: Form, columns: Sequence[str], *, mark: bool = False
) -> Iterator[str]:
    """Batches of documents as pieces of text: whole as JSON lines, and as CSV only these columns of them.

    `mark` is as for `export`.
    """
    if form is Form.NDJSON:
        return document_lines(found)
    cells = ([[_cell(document.get(name)) for document in batch] for name in columns] for batch in found)
    return csv_pieces(cells, columns, mark=mark)


def _cell(value: Any) -> Any:
    return "; ".join(value) if isinstance(value, list) else value
