"""One `ok` or `not ok` line a check, and how many failed."""
import sys
import traceback

failures = 0


def check(name):
    def run(function):
        global failures
        try:
            function()
            print(f"ok {name}")
        except Exception:  # every failure is reported, the run goes on
            failures += 1
            print(f"not ok {name}")
            traceback.print_exc(file=sys.stdout)

    return run


def raises(fault, function):
    try:
        function()
    except fault as caught:
        return caught
    raise AssertionError(f"no {fault.__name__}")


def exit_code():
    return 1 if failures else 0
