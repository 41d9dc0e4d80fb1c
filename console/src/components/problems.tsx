import { api } from "../api/client";
import { usePolled } from "../api/poll";
import type { Problem, Status } from "../gen/api";
import { Icon } from "./icons";

/** A line of a file with a caret under the column. Tabs stay tabs, so that the caret stands where the editor puts it. */
export function caretOf(line: string, column: number): string {
  return line.slice(0, Math.max(0, column - 1)).replace(/[^\t]/g, " ") + "^";
}

function Source({ problem, text }: { problem: Problem; text: string | undefined }) {
  const lines = text?.split("\n") ?? [];
  const line = lines[problem.line - 1];
  if (problem.line < 1 || line === undefined) return null;
  const gutter = String(problem.line);
  return (
    <pre className="source" dir="ltr">
      <span className="gutter">{gutter} │ </span>{line}{"\n"}
      <span className="gutter">{" ".repeat(gutter.length)} │ </span><span className="caret">{caretOf(line, problem.column)}</span>
    </pre>
  );
}

export function Problems({ status }: { status: Status }) {
  const { problems } = status;
  const files = JSON.stringify(problems);
  // The texts are asked for again whenever the problems change, as the files have changed then.
  const texts = usePolled(async (signal) => {
    const found = new Map<string, string>();
    if (problems.length === 0) return found;
    for (const pipeline of await api.pipelines(signal)) {
      if (pipeline.problems.length === 0) continue;
      const whole = await api.pipeline(pipeline.name, signal);
      found.set(pipeline.file, whole.text ?? "");
    }
    return found;
  }, files, 0);
  if (problems.length === 0) return null;
  return (
    <section className="panel problems" role="alert" aria-labelledby="problems-title">
      <header className="panel-head">
        <h2 id="problems-title"><Icon name="warning" size={18} />{" "}
          {problems.length === 1 ? "1 problem" : `${problems.length} problems`} in pipeline files</h2>
        <p className="hint">The last good version keeps running</p>
      </header>
      <ol>
        {problems.map((problem, index) => (
          <li key={index}>
            <p><code>{problem.file}:{problem.line}:{problem.column}</code> <bdi>{problem.text}</bdi></p>
            <Source problem={problem} text={texts.value?.get(problem.file)} />
          </li>
        ))}
      </ol>
    </section>
  );
}
