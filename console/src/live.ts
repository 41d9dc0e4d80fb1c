// What the page knows of the running program, and how it changes with each event.
import type { Event } from "./gen/api";

export const historyLength = 90;

export type Series = "fetched" | "acknowledged" | "processed" | "stored" | "rejected" | "lag";
export const seriesNames: Series[] = ["fetched", "acknowledged", "processed", "stored", "rejected", "lag"];

export interface Live {
  connection: "connecting" | "live" | "lost";
  /** When the last event came, by this browser's clock; 0: none has. */
  seen: number;
  event: Event | null;
  /** Rates per second (lag: records), oldest first, as many as times. */
  history: Record<Series, number[]>;
  times: number[];
  /** Why the server turned the stream away. */
  refusal: string;
}

export type Change =
  | { kind: "event"; event: Event; now: number }
  | { kind: "lost" }
  | { kind: "refused"; why: string };

export const nothingYet: Live = {
  connection: "connecting",
  seen: 0,
  event: null,
  history: { fetched: [], acknowledged: [], processed: [], stored: [], rejected: [], lag: [] },
  times: [],
  refusal: "",
};

export function reduce(live: Live, change: Change): Live {
  switch (change.kind) {
    case "lost":
      return { ...live, connection: "lost" };
    case "refused":
      return { ...live, connection: "lost", refusal: change.why };
    case "event": {
      const { status } = change.event;
      // Another start time is another process: its counters have nothing to do with the old ones.
      const same = live.event?.status.started === status.started;
      const history = {} as Record<Series, number[]>;
      for (const name of seriesNames) {
        const value = name === "lag" ? status.totals.lag : status.rates[name];
        history[name] = [...(same ? live.history[name] : []), value].slice(-historyLength);
      }
      const times = [...(same ? live.times : []), change.now / 1000].slice(-historyLength);
      return { connection: "live", seen: change.now, event: change.event, history, times, refusal: "" };
    }
  }
}

/** Keeps an event stream open until the returned function is called: again after each loss, and when it falls silent. */
export function follow(url: string, dispatch: (change: Change) => void): () => void {
  const silence = 6000;
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setTimeout> | undefined;
  let delay = 500;
  let ended = false;

  const lose = (change: Change) => {
    clearTimeout(watch);
    source?.close();
    source = null;
    dispatch(change);
    if (ended) return;
    clearTimeout(retry);
    retry = setTimeout(connect, delay);
    delay = Math.min(delay * 2, 4000);
  };
  const listen = () => {
    clearTimeout(watch);
    watch = setTimeout(() => lose({ kind: "lost" }), silence);
  };
  const connect = () => {
    source = new EventSource(url);
    listen();
    source.addEventListener("status", (message) => {
      delay = 500;
      listen();
      dispatch({ kind: "event", event: JSON.parse((message as MessageEvent<string>).data) as Event, now: Date.now() });
    });
    source.addEventListener("error", (message) => {
      const data = (message as MessageEvent<string>).data;
      lose(data ? { kind: "refused", why: refusalOf(data) } : { kind: "lost" });
    });
  };
  connect();
  return () => {
    ended = true;
    clearTimeout(retry);
    clearTimeout(watch);
    source?.close();
  };
}

function refusalOf(data: string): string {
  try {
    return (JSON.parse(data) as { error: { message: string } }).error.message;
  } catch {
    return data;
  }
}
