import { expect, it } from "vitest";
import { prettyJson } from "./json_tokens";

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
