"""The process that the Swift side starts: it runs the worker as its child and sees to it that nothing outlives it.

Whatever an environment starts, a daemon with a session of its own included, becomes this process's child once its own
parent is gone. So all of it can be found and killed: when the worker has ended, however it did; two seconds after the
Swift side is gone, however it went; at once on SIGTERM. No code of an environment ever runs here, so that an environment
that hangs, with Python's lock held or not, cannot stop it.
"""
import sys

# `python -c` looks for modules in the current folder first; what lies there is not ours to run.
if "" in sys.path:
    sys.path.remove("")

import ctypes, os, select, signal, threading, time

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def guard():
    """Returns in the worker alone."""
    system, guardian = ctypes.CDLL(None), os.getpid()
    if LINUX:
        system.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    worker = os.fork()
    if worker == 0:
        if LINUX:
            system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guardian:
            os._exit(1)
        return

    def stop(*_):
        os.kill(worker, signal.SIGKILL)

    def stop_when_alone():
        poll = select.poll()
        poll.register(0, 0)  # hang-up only: what is written there is the worker's to read
        poll.poll()
        time.sleep(2)  # an environment that does not hang has closed itself by now
        stop()

    os.dup2(2, 1)  # the worker alone holds the way back, so that its end shows
    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=stop_when_alone, daemon=True).start()
    while True:
        ended, status = os.wait()  # orphans that were left to us end here as well
        if ended == worker:
            break
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kill_children()
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGKILL:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


def kill_children():
    """Until none is left: the children of what is killed become ours in turn."""
    while True:
        for child in children():
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.wait()
        except ChildProcessError:
            return


def children():
    for name in filter(str.isdigit, os.listdir("/proc") if LINUX else []):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = file.read().rpartition(b")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == os.getpid():
            yield int(name)


guard()
