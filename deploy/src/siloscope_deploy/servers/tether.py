"""Start a program that ends when its parent does: `python -I -S tether.py SIGNAL PARENT UID GID PROGRAM ARGUMENT...`.

It becomes the program by exec, after it has given up root where a uid is named and has asked the kernel for SIGNAL at
the parent's death (Linux only; in this order, since giving up root clears that wish). A small program of its own,
because the same in `preexec_fn` may deadlock where the parent has threads.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PARENT_GONE = 1


def main(arguments: list[str]) -> None:
    """Give up root, ask for the signal, become the program."""
    death_signal, parent, uid, gid, *program = arguments
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(_PARENT_GONE)  # it died before the kernel knew of our wish
    os.execv(program[0], program)  # noqa: S606 - a fixed program of ours; becoming it is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
