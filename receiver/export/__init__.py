"""Taking events out, for spreadsheets and for programs."""
