import { describe, expect, it } from "vitest";
import { prettyJson, readable } from "./json_tokens";

const text = (json: string) =>
  prettyJson(json)?.map((line) => "  ".repeat(line.indent) + line.tokens.map((token) => token.text).join("")).join("\n");

it("indents as JSON.stringify does", () => {
  const value = { a: [1, { b: null }, [], {}], c: 'x"y\\', d: true };
  expect(text(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
});
it("keeps numbers as they were written", () => expect(text('{"id":12345678901234567890,"x":1.50}')).toContain("12345678901234567890"));
it("tells keys from strings", () => {
  const kinds = prettyJson('{"a":"a"}')!.flatMap((line) => line.tokens).filter((token) => token.text === '"a"').map((token) => token.kind);
  expect(kinds).toEqual(["key", "string"]);
});
it("takes a lone value", () => expect(text(' "متن" ')).toBe('"متن"'));
it("leaves what is not JSON alone", () => {
  expect(prettyJson("hello")).toBeNull();
  expect(prettyJson('{"a":1,}')).toBeNull();
  expect(prettyJson("")).toBeNull();
});
it("does not stop at brackets and escapes within strings", () => expect(text('["a]{\\"b"]')).toBe('[\n  "a]{\\"b"\n]'));

describe("readable", () => {
  it("reads letters, also those of two halves", () => expect(readable('"L\\u00f8vlie \\u0645 \\ud83d\\ude00"')).toBe('"Løvlie م 😀"'));
  it("leaves quotes, backslashes and controls escaped", () =>
    expect(readable('"\\u0022 \\u005c \\u0000 \\u001b"')).toBe('"\\u0022 \\u005c \\u0000 \\u001b"'));
  it("leaves what turns the direction of text escaped", () => expect(readable('"\\u202e \\u2066"')).toBe('"\\u202e \\u2066"'));
  it("leaves half a pair escaped", () => expect(readable('"\\ud83d"')).toBe('"\\ud83d"'));
  it("reads each of two that stand together", () => expect(readable('"\\u00e9\\u00e8"')).toBe('"éè"'));
  it("takes an escaped backslash for what it is", () => expect(readable('"\\\\u00e9"')).toBe('"\\\\u00e9"'));
});
