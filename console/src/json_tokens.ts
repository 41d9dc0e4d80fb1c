// JSON text as coloured lines. Works on the text and not on parsed values, so that 12345678901234567890 stays what it is.

export type TokenKind = "key" | "string" | "number" | "word" | "mark";
export interface Token {
  kind: TokenKind;
  text: string;
}
export interface Line {
  indent: number;
  tokens: Token[];
}

const lexer = /\s+|("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)|([{}[\],:])/gy;

/**
 * A string token with its \\u escapes read, where the character is one that people can see: not quotes and backslashes, no
 * controls, nothing invisible that turns the direction of text, no half of a pair.
 */
export function readable(token: string): string {
  return token.replace(/\\\\|\\u([0-9a-fA-F]{4})(?:\\u([0-9a-fA-F]{4}))?/g, (whole, first?: string, second?: string) => {
    if (first === undefined) return whole;
    const high = parseInt(first, 16);
    const low = second === undefined ? 0 : parseInt(second, 16);
    if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) return String.fromCharCode(high, low);
    return one(high, first) + (second === undefined ? "" : one(low, second));
  });
}

function one(code: number, hex: string): string {
  const character = String.fromCharCode(code);
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character) && character !== '"' && character !== "\\" ? character : `\\u${hex}`;
}

/** The lines of a value; null when the text is not JSON. */
export function prettyJson(text: string): Line[] | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens: Token[] = [];
  lexer.lastIndex = 0;
  for (let match = lexer.exec(text); match; match = lexer.exec(text)) {
    if (match[1] !== undefined) tokens.push({ kind: "string", text: readable(match[1]) });
    else if (match[2] !== undefined) tokens.push({ kind: "number", text: match[2] });
    else if (match[3] !== undefined) tokens.push({ kind: "word", text: match[3] });
    else if (match[4] !== undefined) tokens.push({ kind: "mark", text: match[4] });
    if (lexer.lastIndex >= text.length) break;
  }
  return lines(tokens);
}

function lines(tokens: Token[]): Line[] {
  const all: Line[] = [{ indent: 0, tokens: [] }];
  let depth = 0;
  const line = () => all[all.length - 1]!;
  const breakLine = () => all.push({ indent: depth, tokens: [] });
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token.kind !== "mark") {
      line().tokens.push(next?.text === ":" && token.kind === "string" ? { ...token, kind: "key" } : token);
      return;
    }
    if (token.text === "{" || token.text === "[") {
      line().tokens.push(token);
      ++depth;
      if (next?.text !== "}" && next?.text !== "]") breakLine();
    } else if (token.text === "}" || token.text === "]") {
      --depth;
      const before = tokens[index - 1];
      if (before?.text !== "{" && before?.text !== "[") breakLine();
      line().tokens.push(token);
    } else if (token.text === ",") {
      line().tokens.push(token);
      breakLine();
    } else {
      line().tokens.push({ kind: "mark", text: ": " });
    }
  });
  return all;
}
