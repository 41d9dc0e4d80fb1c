// All requests of the console. An error of the server becomes an exception with the server's own words.
import type { Pipeline, Record as TopicRecord, Rows, Run, Table, TaskLog, Topic } from "../gen/api";

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      signal,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "Penstock does not answer");
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as T;
  let message = `${response.status} ${response.statusText}`;
  try {
    message = (JSON.parse(text) as { error: { message: string } }).error.message;
  } catch {
    // Not from the API itself: a proxy between.
  }
  throw new ApiError(response.status, message);
}

const name = encodeURIComponent;

export const api = {
  topics: (signal?: AbortSignal) => call<Topic[]>("GET", "/topics", undefined, signal),
  records: (topic: string, partition: number | null, limit: number, signal?: AbortSignal) =>
    call<TopicRecord[]>("GET", `/topics/${name(topic)}/records?decode=true&limit=${limit}${partition === null ? "" : `&partition=${partition}`}`,
      undefined, signal),
  tables: (signal?: AbortSignal) => call<Table[]>("GET", "/tables", undefined, signal),
  sql: (sql: string, signal?: AbortSignal) => call<Rows>("POST", "/sql", { sql }, signal),
  runs: (limit: number, signal?: AbortSignal) => call<Run[]>("GET", `/runs?limit=${limit}`, undefined, signal),
  log: (dag: string, run: string, task: string, attempt: number, signal?: AbortSignal) =>
    call<TaskLog>("GET", `/dags/${name(dag)}/runs/${name(run)}/tasks/${name(task)}/log?try=${attempt}`, undefined, signal),
  trigger: (dag: string) => call<{ run_id: string }>("POST", `/dags/${name(dag)}/trigger`, { conf: {} }),
  setPaused: (dag: string, paused: boolean) => call<unknown>("POST", `/dags/${name(dag)}/${paused ? "pause" : "unpause"}`),
  setRunning: (kind: "source" | "query", of: string, running: boolean) =>
    call<unknown>("POST", `/${kind === "source" ? "sources" : "queries"}/${name(of)}/${running ? "start" : "stop"}`),
  pipelines: (signal?: AbortSignal) => call<Pipeline[]>("GET", "/pipelines", undefined, signal),
  pipeline: (of: string, signal?: AbortSignal) => call<Pipeline>("GET", `/pipelines/${name(of)}`, undefined, signal),
};
