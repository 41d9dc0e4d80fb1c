#!/usr/bin/env python3
"""Turns src/wire/kafka/*.schema into C++: for each API one header and one source, and messages.h that has them all.

  generate_wire.py OUTPUT_FOLDER FILE.schema...

A schema holds one API, written from Kafka's public protocol guide; one field a line, members of a struct indented below
it:

  api KEY Name   versions LOW-HIGH   flexible FIRST+
  request
    name  type  [as CppType]  [versions it is in]  [null FIRST+]  [tag NUMBER]  [= default]

Types: bool int8 int16 uint16 int32 int64 float64 uuid string bytes records, a struct's name, []type; a ? behind it: nullable
(from the version that "null" says). A tagged struct has the same fields in all versions. Every message is a struct that
holds all versions; what a version does not have keeps its default.
"""
import pathlib
import re
import sys

SCALARS = {
    "uint16": "std::uint16_t", "bool": "bool", "int8": "std::int8_t", "int16": "std::int16_t", "int32": "std::int32_t",
    "int64": "std::int64_t", "float64": "double", "uuid": "codec::Uuid", "string": "std::string",
    "bytes": "Bytes", "records": "Records",
}
API = re.compile(r"api (\d+) (\w+)\s+versions (\d+)-(\d+)\s+flexible (\d+)\+$")
FIELD = re.compile(
    r"(?P<indent> +)(?P<name>\w+)\s+(?P<array>\[\])?(?P<type>\w+)(?P<nullable>\?)?(?:\s+as (?P<strong>\w+))?"
    r"(?:\s+(?P<versions>\d+\+|\d+-\d+))?(?:\s+null (?P<null>\d+)\+)?(?:\s+tag (?P<tag>\d+))?(?:\s+= (?P<default>\S+))?$")


class Field:
    def __init__(self, depth, name=""):
        self.depth, self.name, self.fields = depth, name, []
        self.tag = None


def parse_versions(text, api):
    if text is None:
        return api["low"], api["high"]
    low, _, high = text.partition("-")
    return int(low.rstrip("+")), int(high) if high else api["high"]


def parse_field(match, api):
    field = Field(len(match["indent"]) // 2 - 1, match["name"])
    field.array, field.type, field.nullable = bool(match["array"]), match["type"], bool(match["nullable"])
    field.strong, field.tag, field.default = match["strong"], match["tag"], match["default"]
    field.low, field.high = parse_versions(match["versions"], api)
    field.null_from = int(match["null"] or 0)
    return field


def parse(path):
    api, stack = None, []
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.split("#")[0].rstrip()
        if not line:
            continue
        if match := API.match(line):
            api = dict(key=int(match[1]), name=match[2], low=int(match[3]), high=int(match[4]),
                       flexible=int(match[5]), file=path.stem, parts={})
        elif api and line in ("request", "response"):
            root = Field(-1)
            root.struct = api["name"] + line.capitalize()
            api["parts"][line] = root
            stack = [root]
        elif stack and (match := FIELD.match(line)):
            field = parse_field(match, api)
            while stack[-1].depth >= field.depth:
                stack.pop()
            stack[-1].fields.append(field)
            stack.append(field)
        else:
            sys.exit(f"{path}:{number}: expected an api, request, response or a field: {raw}")
    if not api or len(api["parts"]) != 2:
        sys.exit(f"{path}: expected one api with a request and a response")
    return api


def cxx_type(field):
    if field.type == "records":
        return "Records"  # null and empty are the same to everyone
    element = field.strong or SCALARS.get(field.type, field.type)
    if field.array:
        element = f"std::vector<{element}>"
    return f"std::optional<{element}>" if field.nullable else element


def members(node, api, pad):
    for field in node.fields:
        if field.fields:
            yield f"{pad}struct {field.type} {{"
            yield from members(field, api, pad + "    ")
            if field.tag is not None:  # written apart from what is around it
                yield f"{pad}    template <class Self, class Codec>"
                yield f"{pad}    static void visit(Self& m, Codec& codec, [[maybe_unused]] std::int16_t v) {{"
                yield from visit(field, api, "m", pad + "        ")
                yield f"{pad}    }}"
            yield f"{pad}    bool operator==(const {field.type}&) const = default;"
            yield f"{pad}}};"
    for field in node.fields:
        default = f" = {field.default}" if field.default else "{}"
        yield f"{pad}{cxx_type(field)} {field.name}{default};"


def guarded(field, api, body, pad):
    tests = [f"v >= {field.low}"] if field.low > api["low"] else []
    tests += [f"v <= {field.high}"] if field.high < api["high"] else []
    if not tests:
        return body
    return [f"{pad}if ({' && '.join(tests)}) {{", *("    " + line for line in body), f"{pad}}}"]


def visit(node, api, me, pad):
    for field in (f for f in node.fields if f.tag is None):
        value = f"{me}.{field.name}"
        if field.nullable and field.null_from > api["low"]:
            value += f", v >= {field.null_from}"
        if field.fields:
            each = f"each{field.depth}"
            inner = visit(field, api, each, pad + "    ")
            if field.array or field.nullable:
                kind = "array" if field.array else "object"
                body = [f"{pad}codec.{kind}({value}, [&](auto& {each}) {{", *inner, f"{pad}}});"]
            else:
                body = [f"{pad}{{", f"{pad}    auto& {each} = {value};", *inner, f"{pad}}}"]
        else:
            body = [f"{pad}codec.value({value});"]
        yield from guarded(field, api, body, pad)
    tags = []
    for field in (f for f in node.fields if f.tag is not None):
        absent = field.default or f"{cxx_type(field)}{{}}"
        tags.append(f"tag({field.tag}, v >= {field.low}, {me}.{field.name}, {absent})")
    yield f"{pad}codec.tags({', '.join(tags)});"


def header(api):
    lines = [f"// Generated from {api['file']}.schema; do not edit.", "#pragma once",
             "#include \"wire/kafka/codec.h\"", "", "namespace penstock::wire::kafka {", ""]
    for root in api["parts"].values():
        lines += [f"struct {root.struct} {{",
                  f"    static constexpr ApiInfo api{{{api['key']}, \"{api['name']}\", {api['low']}, "
                  f"{api['high']}, {api['flexible']}}};", *members(root, api, "    "),
                  f"    bool operator==(const {root.struct}&) const = default;", "",
                  "    void encode(Encoder& to, std::int16_t version) const;",
                  "    void decode(Decoder& from, std::int16_t version);",
                  "    /// Calls codec for every field that the version has, in the order of the wire.",
                  "    template <class Self, class Codec>",
                  "    static void visit(Self& m, Codec& codec, [[maybe_unused]] std::int16_t v) {",
                  *visit(root, api, "m", "        "), "    }", "};", ""]
    return lines + ["}  // namespace penstock::wire::kafka"]


def source(api):
    lines = [f"// Generated from {api['file']}.schema; do not edit.",
             f"#include \"wire/kafka/{api['file']}.h\"", "", "namespace penstock::wire::kafka {", ""]
    for root in api["parts"].values():
        lines += [f"void {root.struct}::encode(Encoder& to, std::int16_t version) const {{",
                  "    visit(*this, to, version);", "}",
                  f"void {root.struct}::decode(Decoder& from, std::int16_t version) {{",
                  "    visit(*this, from, version);", "}"]
    return lines + ["", "}  // namespace penstock::wire::kafka"]


def all_messages(apis):
    lines = ["// Generated; do not edit.", "#pragma once"]
    lines += [f"#include \"wire/kafka/{api['file']}.h\"" for api in apis]
    lines += ["", "namespace penstock::wire::kafka {", "",
              "/// Calls f.operator()<Message>() for every message.",
              "template <class F>", "void for_each_message(F f) {"]
    for api in apis:
        lines += [f"    f.template operator()<{root.struct}>();" for root in api["parts"].values()]
    return lines + ["}", "", "}  // namespace penstock::wire::kafka"]


def write(path, lines):
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text() != text:  # an unchanged file is not built again
        path.write_text(text)
    else:
        path.touch()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    apis = sorted((parse(pathlib.Path(name)) for name in sys.argv[2:]), key=lambda api: api["key"])
    for api in apis:
        write(folder / f"{api['file']}.h", header(api))
        write(folder / f"{api['file']}.cc", source(api))
    write(folder / "messages.h", all_messages(apis))


if __name__ == "__main__":
    main()
