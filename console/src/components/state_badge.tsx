import { formatState } from "../format";

/** What a state asks of the one who looks. */
export function toneOf(state: string): "good" | "busy" | "warn" | "bad" | "idle" {
  switch (state) {
    case "running":
    case "success":
    case "ready":
      return "good";
    case "queued":
    case "scheduled":
    case "waiting":
      return "busy";
    case "backing_off":
    case "up_for_retry":
    case "paused":
    case "missing":
      return "warn";
    case "failed":
    case "circuit_open":
    case "upstream_failed":
      return "bad";
    default:
      return "idle";
  }
}

export function StateBadge({ state }: { state: string }) {
  return (
    <span className="state" data-tone={toneOf(state)} data-moving={state === "running" || undefined}>
      <span className="dot" aria-hidden="true" />
      {formatState(state)}
    </span>
  );
}
