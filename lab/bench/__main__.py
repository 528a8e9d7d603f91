"""`python -m lab.bench`: measure."""

from __future__ import annotations

import signal
import sys

from lab.bench import ways
from lab.bench.contenders import contenders


def main() -> int:
    data = ways.made(8, int(sys.argv[1]))
    names = sys.argv[2:]
    print(ways.measure([each for each in contenders() if not names or any(n in each.name for n in names)], data, 1))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
