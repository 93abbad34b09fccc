"""The Modbus doctor: who is on a line, which registers they have, and what those may mean. It only ever reads.

``survey.survey`` is the whole of it as a function with bounded time, on an `exchange.Exchange`: an opened bus that
somebody owns. ``line_exchange.LineExchange`` makes one of a line that nobody else has open; ``examination.examine``
finds the line's settings first; ``command`` is what stands behind ``siloscope edge doctor``.
"""
