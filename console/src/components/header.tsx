import type { Live } from "../live";
import { formatBytes, formatDuration } from "../format";
import { ThemeButton } from "./theme_button";

const words = { connecting: "Connecting", live: "Live", lost: "Disconnected" };

export function Header({ live, pipelines, pipeline, choose }: {
  live: Live; pipelines: string[]; pipeline: string; choose: (name: string) => void;
}) {
  const status = live.event?.status;
  return (
    <header className="top">
      <div className="brand">
        <img src="/favicon.svg" alt="" width="28" height="28" />
        <h1>Penstock</h1>
      </div>
      {pipelines.length > 1 && (
        <label className="choice">
          <span>Pipeline</span>
          <select value={pipeline} onChange={(event) => choose(event.target.value)}>
            {pipelines.map((name) => <option key={name}>{name}</option>)}
          </select>
        </label>
      )}
      <div className="top-facts">
        {status && (
          <>
            <span title={`Started ${status.started}`}>up {formatDuration(status.uptime_ms)}</span>
            <span title="Resident memory of the process">{formatBytes(status.memory_bytes)}</span>
          </>
        )}
        <span className="connection" role="status" data-connection={live.connection}>
          <span className="dot" aria-hidden="true" />
          {words[live.connection]}
        </span>
        <ThemeButton />
      </div>
    </header>
  );
}
