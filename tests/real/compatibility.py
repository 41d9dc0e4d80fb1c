"""The table in docs/compatibility.md: one row for each real system that the tests ran against, written by their run."""
import datetime

import pytest

ROWS = pytest.StashKey()
BEGIN, END = "<!-- compatibility: begin -->", "<!-- compatibility: end -->"
HEAD = ("| layer | system | version | as | result | tests | last run |", "|---|---|---|---|---|---|---|")


def old_rows(text):
    """Keyed by layer, system, version and mode."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and not line.startswith("|---") and cells[0] != "layer":
            rows[tuple(cells[:4])] = cells
    return rows


def update(path, results):
    """Rows that were not run now keep their date and their result."""
    text = path.read_text()
    head, _, rest = text.partition(BEGIN)
    body, _, tail = rest.partition(END)
    rows = old_rows(body)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    merged = {}
    for system, version, mode, layer, tests, passed in results:
        key = (layer, system, version, mode)
        before_tests, before_passed = merged.get(key, (0, True))
        merged[key] = (before_tests + tests, before_passed and passed)
    for key, (tests, passed) in merged.items():
        rows[key] = [*key, "✅ passed" if passed else "❌ failed", str(tests), today]
    lines = [*HEAD, *("| " + " | ".join(rows[key]) + " |" for key in sorted(rows))]
    path.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}")
