"""Texts in cells that a spreadsheet must not take for formulas.

Source:
    OWASP, "CSV Injection": a cell that begins with = + - @, a tab or a carriage return may be run.
"""

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str) -> str:
    """Return a text as it may stand in a cell.

    >>> harmless("=1+1"), harmless("Bin 1")
    ("'=1+1", 'Bin 1')
    """
    return f"'{text}" if text.startswith(_DANGEROUS) else text
