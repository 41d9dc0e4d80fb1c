import { useMemo } from "react";
import { prettyJson } from "../json_tokens";

/** Above this, colours cost more than they help. */
const colouredUpTo = 200_000;

/** Text of a record. JSON is indented and coloured; everything is text, and each string keeps its own direction. */
export function JsonView({ text }: { text: string }) {
  const lines = useMemo(() => (text.length <= colouredUpTo ? prettyJson(text) : null), [text]);
  if (!lines) return <pre className="json" dir="auto">{text}</pre>;
  return (
    <pre className="json" dir="ltr">
      {lines.map((line, index) => (
        <span className="json-line" key={index}>
          {"  ".repeat(line.indent)}
          {line.tokens.map((token, at) => token.kind === "mark"
            ? <span key={at}>{token.text}</span>
            : <bdi className={`json-${token.kind}`} key={at}>{token.text}</bdi>)}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
