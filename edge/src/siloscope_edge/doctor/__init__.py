"""The Modbus doctor: who is on a line, which registers they have, and what those may mean. It only ever reads.

`survey` is the whole of it as a function with bounded time, on an `Exchange`: an opened bus that somebody owns.
"""

from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.exchange import Exchange, Outcome
from siloscope_edge.doctor.findings import Findings
from siloscope_edge.doctor.line_exchange import LineExchange
from siloscope_edge.doctor.session import Progress
from siloscope_edge.doctor.survey import Questions, survey

__all__ = ["Clue", "Exchange", "Findings", "LineExchange", "Outcome", "Progress", "Questions", "survey"]
