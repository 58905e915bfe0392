"""What a document shows of the output of its commands, compared with the output."""

import re


def is_seen(wanted, output):
    """True if the lines are in the output, in this order; ... matches anything."""
    patterns = [".*".join(re.escape(part) for part in line.split("...")) for line in wanted]
    lines = [line.strip() for line in output.splitlines()]
    position = 0
    for pattern in patterns:
        while position < len(lines) and not re.fullmatch(pattern, lines[position]):
            position += 1
        if position == len(lines):
            return False
        position += 1
    return True
