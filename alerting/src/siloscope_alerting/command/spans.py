"""Spans of time as an argument."""

import argparse

from siloscope_contract.alerts.spans import seconds


def span(text: str) -> int:
    """Return an argument such as 8h as seconds."""
    try:
        found = seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not found:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a length of time above 0s")
    return found
