#!/usr/bin/env python3
"""Refuses what would make the house less liveable: long lines, long files, banned calls, what names no one.

A limit is a ratchet: a file that was longer when the limit came is listed with its length, which may only fall.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_LINE = 120
MAX_FILE = 800
LONGER = {}  # path -> lines it may have

BANNED = [
    (re.compile(r"\bstd::sto(i|l|ll|ul|d|f)\b"), "throws on bad input: use parse_int or parse_double of base/units.h"),
    (re.compile(r"\b(strcpy|strcat|sprintf|gets|atoi|atol)\s*\("), "has no bound: use fmt or base/units.h"),
    (re.compile(r"\busing namespace (?!std::(chrono|string|literals))\w"), "hides where names come from (std::chrono inside a function is fine)"),
    (re.compile(r"\bnew [A-Z]\w*[({]"), "owns nothing: use std::make_unique"),
    (re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))"), "needs an issue number: TODO(#12)"),
]
TESTS_MAY = {0, 1, 2}  # a bad number or an ambiguous name fails the test that has it
ALLOWED = {
    ("src/base/metrics.cc", 3),  # never destroyed: threads may count during exit
    ("src/broker/remote_topics.cc", 3),  # a private constructor, and too long for one line
}
BAD_NAMES = re.compile(r"(utils?|helpers?|common|misc)\.(h|cc)$")


def files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
                            text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def main():
    problems, checked = [], 0
    for path in files():
        name = str(path.relative_to(ROOT))
        if path.suffix not in (".h", ".cc"):
            continue
        checked += 1
        test = path.stem.endswith(("_test", "_fuzz", "_bench"))
        lines = path.read_text(errors="replace").split("\n")
        if len(lines) > LONGER.get(name, MAX_FILE):
            problems.append(f"{name}: {len(lines)} lines; at most {LONGER.get(name, MAX_FILE)}: split it by what it is about")
        if BAD_NAMES.search(name):
            problems.append(f"{name}: a name that attracts unrelated functions; name what it is about")
        if path.suffix == ".h" and "#pragma once" not in lines:
            problems.append(f"{name}: no #pragma once")
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_LINE and "http" not in line and '"' not in line:
                problems.append(f"{name}:{number}: {len(line)} columns; at most {MAX_LINE}")
            code = line.split("//")[0] if "TODO" not in line else line
            # A factory of a class with a private constructor cannot use make_unique.
            code = "" if "unique_ptr<" in code or "shared_ptr<" in code else code
            for index, (pattern, why) in enumerate(BANNED):
                if test and index in TESTS_MAY:
                    continue
                if pattern.search(code) and (name, index) not in ALLOWED:
                    problems.append(f"{name}:{number}: {pattern.search(code)[0].strip()} {why}")
    print("\n".join(problems) or f"{checked} files tidy")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
