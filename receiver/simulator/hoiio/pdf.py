"""A minimal PDF writer: valid, with pages of plain text."""

import textwrap

_LINE_WIDTH = 80
_LINES_PER_PAGE = 56
_SPECIAL = str.maketrans({"\\": r"\\", "(": r"\(", ")": r"\)"})


def text_pdf(text: str) -> bytes:
    """An A4 document with this text, on as many pages as needed; at least one.

    Characters that the standard fonts lack become question marks.
    """
    lines = [
        line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, _LINE_WIDTH) or [""]
    ]
    pages = [lines[i : i + _LINES_PER_PAGE] for i in range(0, len(lines), _LINES_PER_PAGE)] or [[]]
    # Objects are numbered from 1: catalogue, page tree, font, then each page followed by its content.
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
    ]
    for i, page in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * i)
        )
        content = _content(page)
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return _assemble(objects)


def _content(lines: list[str]) -> bytes:
    shown = "\n".join(f"({line.translate(_SPECIAL)}) Tj T*" for line in lines)
    return f"BT /F1 10 Tf 13 TL 57 780 Td\n{shown}\nET".encode("cp1252", errors="replace")


def _assemble(objects: list[bytes]) -> bytes:
    """Header, objects, and the table of their offsets."""
    document = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table_at = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    document += b"startxref\n%d\n%%%%EOF\n" % table_at
    return bytes(document)
