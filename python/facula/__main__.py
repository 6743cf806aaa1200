"""Runs a program with `torch` resolved to facula.

    python -m facula script.py arguments
    python -m facula -m module arguments
    python -m facula -c "source" arguments
    python -m facula - arguments            (the source comes from the standard input)

Python's own options go before the first -m: python -u -W error -m facula script.py. Processes
that the program starts, spawned or run as commands, resolve torch so too.
"""

import os
import sys

NAME = "python -m facula"


def fail(text):
    """Ends with a complaint about the command line."""
    print(f"{NAME}: {text}", file=sys.stderr)
    sys.exit(2)


def put_on_path():
    """Makes `import torch` find facula, here and in every child process."""
    here = os.path.dirname(os.path.abspath(__file__))
    shim = os.path.join(here, "_as_torch")
    sys.path.insert(1, shim)
    inherited = os.environ.get("PYTHONPATH")
    parts = [shim] + (inherited.split(os.pathsep) if inherited else [])
    os.environ["PYTHONPATH"] = os.pathsep.join(parts)
    # What was imported as facula so far stays the one copy; torch is its other name.
    import torch  # noqa: F401


def run_source(source, filename, script):
    """Runs source as the module __main__."""
    import types

    module = types.ModuleType("__main__")
    if script:
        module.__file__ = filename
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)


def run_script(path):
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        import runpy

        runpy.run_path(path, run_name="__main__")
        return
    path = os.path.abspath(path)
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as err:
        fail(f"can't open file {path!r}: [Errno {err.errno}] {err.strerror}")
    sys.path[0] = os.path.dirname(path)
    run_source(source, path, script=True)


def run_module(name):
    import importlib.util
    import runpy

    sys.path[0] = os.getcwd()
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        sys.exit(f"{NAME}: No module named {name}")
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def own_frame(frame):
    """Whether a frame belongs to the running of the program, not to the program."""
    return frame.f_code.co_filename == __file__ or frame.f_globals.get("__name__") == "runpy"


def report(err):
    """Prints err's traceback as Python would have without facula in between; the exit status."""
    trace = err.__traceback__
    while trace is not None and own_frame(trace.tb_frame):
        trace = trace.tb_next
    if isinstance(err, SyntaxError) and trace is not None and trace.tb_next is None:
        trace = None if own_frame(trace.tb_frame) else trace
    err.__traceback__ = trace
    sys.last_type, sys.last_value, sys.last_traceback = type(err), err, trace
    sys.excepthook(type(err), err, trace)
    return 130 if isinstance(err, KeyboardInterrupt) else 1


def main():
    args = sys.argv[1:]
    if not args or args[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if args else 2
    option = args[0][:2] if args[0].startswith("-") else ""
    if option in ("-m", "-c") and len(args[0]) > 2:  # -mmodule
        args[:1] = [option, args[0][2:]]
    if option in ("-m", "-c") and len(args) < 2:
        fail(f"argument expected for {option}")
    if option not in ("", "-", "-m", "-c"):
        fail(f"unknown option {args[0]}: Python's own go before -m facula")
    put_on_path()
    try:
        if option == "-m":
            sys.argv = args[1:]
            run_module(args[1])
        elif option in ("-c", "-"):
            source = args[1] if option == "-c" else sys.stdin.read()
            sys.argv = [option] + args[2 if option == "-c" else 1 :]
            sys.path[0] = ""
            run_source(source, "<string>" if option == "-c" else "<stdin>", script=False)
        else:
            sys.argv = args
            run_script(args[0])
    except SystemExit:
        raise
    except BaseException as err:
        return report(err)
    return 0


if __name__ == "__main__":
    status = main()
    if status:
        sys.exit(status)
