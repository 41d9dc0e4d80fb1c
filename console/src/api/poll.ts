import { useCallback, useEffect, useRef, useState } from "react";

export interface Polled<T> {
  value: T | null;
  error: string;
  again: () => void;
}

/**
 * Asks now, whenever key changes, and then every so many milliseconds while the page is visible (0: not by itself, so that
 * what is shown stays as it is). The last answer stays while an error is shown; an answer to an older key is dropped.
 */
export function usePolled<T>(ask: (signal: AbortSignal) => Promise<T>, key: string, every: number): Polled<T> {
  const [state, setState] = useState<{ key: string; value: T | null; error: string }>({ key, value: null, error: "" });
  const [round, setRound] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;
  const answered = useRef("");

  useEffect(() => {
    const turn = `${round} ${key}`;
    if (every === 0 && answered.current === turn) return;
    const aborter = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      if (document.visibilityState === "visible") {
        try {
          const value = await latest.current(aborter.signal);
          if (aborter.signal.aborted) return;
          answered.current = turn;
          setState({ key, value, error: "" });
        } catch (error) {
          if (aborter.signal.aborted) return;
          setState((before) => ({ key, value: before.key === key ? before.value : null, error: (error as Error).message }));
        }
      }
      if (every > 0 && !aborter.signal.aborted) timer = setTimeout(run, every);
    };
    void run();
    return () => {
      aborter.abort();
      clearTimeout(timer);
    };
  }, [key, every, round]);

  const again = useCallback(() => setRound((before) => before + 1), []);
  return { value: state.key === key ? state.value : null, error: state.error, again };
}
