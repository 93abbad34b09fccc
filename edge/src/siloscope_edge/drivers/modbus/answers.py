"""What an answer's code says: taken, refused, or asked for patience.

Source: MODBUS Application Protocol Specification V1.1b3, section 7.
"""

from pymodbus.pdu import ModbusPDU

from siloscope_contract.quality import Quality
from siloscope_edge.errors import ReadFailed

_BUSY = (5, 6)  # acknowledge, server device busy: ask again
_SILENT_BEHIND_GATEWAY = 11  # the gateway speaks for a device that does not


class DeviceBusy(ReadFailed):
    """The device is there and asks for patience."""


def require_accepted(answer: ModbusPDU) -> None:
    """Refuse an answer that is an exception.

    Raises:
        ReadFailed: It is one.
    """
    if not answer.isError():
        return
    code = answer.exception_code
    if code == _SILENT_BEHIND_GATEWAY:
        raise ReadFailed(Quality.COMM_FAILURE, "the gateway says that it does not answer", answered=False)
    kind = DeviceBusy if code in _BUSY else ReadFailed
    raise kind(Quality.DEVICE_EXCEPTION, f"exception {code}", answered=True)
