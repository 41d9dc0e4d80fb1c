import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
// @ts-expect-error a script without types
import { generate } from "../../tools/generate_api.mjs";

it("is what openapi.json says; npm run generate writes it", () => {
  expect(readFileSync(new URL("./api.ts", import.meta.url), "utf8")).toBe(generate());
});
