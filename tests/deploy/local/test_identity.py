import os
import signal
import subprocess
import sys

from siloscope_deploy.local.identity import Identity, identify, own_identity


def test_a_running_process_is_itself() -> None:
    assert own_identity().alive
    assert own_identity().pid == os.getpid()


def test_a_pid_given_to_another_process_is_not_taken_for_the_old_one() -> None:
    assert not Identity(os.getpid(), "another boot/1").alive


def test_a_process_that_ended_and_was_not_yet_collected_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = identify(process.pid)
    assert identity is not None
    assert identity.alive
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not identity.alive
    process.communicate()
    assert identify(process.pid) is None
