#!/usr/bin/env python3
"""Which sources of a target are compiled together: prints a line `set_source_files_properties(...)` for each, for CMake.

    unity_batches.py FILES_PER_BATCH FILE...

Most of the time of a build goes into templates that every file compiles again; together they are compiled once
(docs/decisions/0022). Files whose own names, those that other files do not see, could meet are kept apart: what one declares
in an unnamed namespace, or by a macro, must be no word of the other.
"""
import pathlib
import re
import sys

LITERALS = re.compile(r"""//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", re.S)
WORD = re.compile(r"[A-Za-z_]\w*")
# What stands before a parenthesis and names nothing.
NO_NAMES = {"TEST", "TEST_F", "TEST_P", "TYPED_TEST", "INSTANTIATE_TEST_SUITE_P", "static_assert", "alignas", "decltype",
            "operator", "requires", "noexcept"}
MACROS_THAT_NAME = re.compile(r"\b(?:MATCHER(?:_P\d*)?|ACTION(?:_P\d*)?)\s*\(\s*(\w+)")


def without_literals(text):
    """Digits keep their separators: 1'000 is no character."""
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "", text)
    return LITERALS.sub(lambda found: '""' if found[0][0] in "\"R'" else " ", text)


def end_of(text, start, opening, closing):
    """Behind what closes the bracket at start."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at + 1
    return len(text)


def declared_in(body):
    """The names that the declarations of a namespace's body give, of types, functions, constants, enumerators; for an alias
    with its text, as the same may be said twice."""
    names = dict.fromkeys(MACROS_THAT_NAME.findall(body))
    at = 0
    while at < len(body):
        head_end = at
        while head_end < len(body) and body[head_end] not in ";{":
            head_end = end_of(body, head_end, "(", ")") if body[head_end] == "(" else head_end + 1
        head = body[at:head_end].strip()
        while head.startswith("template"):
            head = head[end_of(head, head.find("<"), "<", ">"):].strip()
        inside = ""
        at = head_end + 1
        if head_end < len(body) and body[head_end] == "{":
            at = end_of(body, head_end, "{", "}")
            inside = body[head_end + 1:at - 1]
        typed = re.match(r"(?:inline\s+)?(namespace|class|struct|union|enum(?:\s+(?:class|struct))?)\s+(?:\[\[.*?\]\]\s*)?(\w+)", head)
        alias = re.match(r"(?:using\s+(?:[\w:]+::)?(\w+)\s*(?:=|$)|namespace\s+(\w+)\s*=)", head)
        is_enum = re.match(r"enum\b(?!\s+(class|struct)\b)", head)
        if alias:
            names[alias[1] or alias[2]] = " ".join(head.split())
        elif typed:
            names[typed[2]] = None
        if is_enum:
            names |= dict.fromkeys(WORD.findall(inside))
        if head and not (alias or typed or is_enum):
            before = re.split(r"[(=\[]", head, maxsplit=1)[0]
            words = WORD.findall(before)
            is_member = re.search(r"::\s*~?\w+\s*$", before)  # defined here, declared elsewhere
            if words and words[-1] not in NO_NAMES and not is_member:
                names[words[-1]] = None
            # `int a = 1, b = 2;`
            if not inside and "(" not in head:
                names |= dict.fromkeys(re.findall(r",\s*(\w+)\s*(?==|,|$|\[)", head))
    return names


def own_names(text):
    names = dict.fromkeys(re.findall(r"^\s*#\s*define\s+(\w+)", text, re.M))
    for found in re.finditer(r"\bnamespace\s*\{", text):
        end = end_of(text, found.end() - 1, "{", "}")
        names |= declared_in(text[found.end():end - 1])
    for found in re.finditer(r"^(?:using|namespace)\s+(?:(\w+)\s*=|[\w:]*::(\w+)\s*;)[^\n]*", text, re.M):
        names[found[1] or found[2]] = " ".join(found[0].rstrip(";").split())
    names |= dict.fromkeys(re.findall(r"^static\s[^;{=]*?(\w+)\s*[({=]", text, re.M))
    return names


class Source:
    def __init__(self, file):
        text = without_literals(pathlib.Path(file).read_text())
        self.file, self.own, self.words = file, own_names(text), set(WORD.findall(text))

    def meets(self, other):
        return any(text is None or text != other.own.get(name) for name, text in self.own.items() if name in other.words)


def batches(files, most):
    """First fit, in the files' order: what stands beside each other includes the same."""
    out = []
    for source in map(Source, files):
        for batch in out:
            if len(batch) < most and not any(source.meets(other) or other.meets(source) for other in batch):
                batch.append(source)
                break
        else:
            out.append([source])
    return out


def main():
    for number, batch in enumerate(batches(sys.argv[2:], int(sys.argv[1]))):
        for source in batch:
            print(f'set_source_files_properties("{source.file}" PROPERTIES UNITY_GROUP {number})')


if __name__ == "__main__":
    main()
