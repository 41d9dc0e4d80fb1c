"""Says in a few words how what was found differs from what must be there."""
import collections


def assert_each_once(found, expected, what="records"):
    """The same ids, each once, in any order; told are those that are missing, repeated or nobody's, not all of them."""
    counts, wanted = collections.Counter(found), set(expected)
    wrong = {
        "missing": sorted(wanted - set(counts)),
        "repeated": sorted(f"{key} x{count}" for key, count in counts.items() if count > 1),
        "unknown": sorted(set(counts) - wanted),
    }
    shown = {how: (len(keys), keys[:20]) for how, keys in wrong.items() if keys}
    assert not shown, f"{len(wanted)} {what}, each once, but {shown}"
