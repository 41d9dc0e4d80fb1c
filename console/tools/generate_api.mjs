// Writes src/gen/api.ts from the program's own openapi.json: npm run generate. A test fails when it was forgotten.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  switch (schema.type) {
    case "string": return "string";
    case "integer":
    case "number": return "number";
    case "boolean": return "boolean";
    case "null": return "null";
    case "array": {
      const of = typeOf(schema.items);
      return /^[\w.]+$/.test(of) ? `${of}[]` : `(${of})[]`;
    }
    case "object": return objectOf(schema);
    default: return "unknown";
  }
}

function objectOf(schema) {
  if (!schema.properties) {
    return `{ [name: string]: ${schema.additionalProperties ? typeOf(schema.additionalProperties) : "unknown"} }`;
  }
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(
    ([name, of]) => `${name}${required.has(name) ? "" : "?"}: ${typeOf(of)}`);
  return `{ ${fields.join("; ")} }`;
}

export function generate() {
  const document = JSON.parse(readFileSync(at("../../src/monitor/openapi.json"), "utf8"));
  const lines = ["// Written by tools/generate_api.mjs from src/monitor/openapi.json.", ""];
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    lines.push(`export interface ${name} {`);
    const required = new Set(schema.required ?? []);
    for (const [field, of] of Object.entries(schema.properties)) {
      if (of.description) lines.push(`  /** ${of.description} */`);
      lines.push(`  ${field}${required.has(field) ? "" : "?"}: ${typeOf(of)};`);
    }
    lines.push("}", "");
  }
  return lines.join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(at("../src/gen/api.ts"), generate());
