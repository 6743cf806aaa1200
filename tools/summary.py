"""Prints one line over JUnit reports: how many tests passed, failed and were skipped.

summary.py REPORT...
"""

import sys
import xml.etree.ElementTree as ElementTree


def main():
    tests = failed = skipped = 0
    for path in sys.argv[1:]:
        for suite in ElementTree.parse(path).iter("testsuite"):
            if suite.find("testcase") is None:
                continue
            tests += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    print(f"{tests - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
