"""Prints one line over JUnit reports: how many tests passed, failed and were skipped.

    summary.py [--failed-steps N] REPORT...

A step that failed without a failed test in any report (a build, a linter) counts as one failure.
"""

import argparse
import sys
import xml.etree.ElementTree as ElementTree


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--failed-steps", type=int, default=0)
    parser.add_argument("reports", nargs="*")
    args = parser.parse_args()
    tests = failed = skipped = 0
    for path in args.reports:
        for suite in ElementTree.parse(path).iter("testsuite"):
            if suite.find("testcase") is None:
                continue
            tests += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    passed = tests - failed - skipped
    failed = max(failed, args.failed_steps)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
