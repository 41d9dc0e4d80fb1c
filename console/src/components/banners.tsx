import { formatDuration } from "../format";
import type { Live } from "../live";
import { Icon } from "./icons";

/** The public APIs that the built-in replicas stand for. */
const apis: Record<string, { host: string; what: string }> = {
  randomuser: { host: "randomuser.me", what: "These people" },
};

export function Banners({ live, now }: { live: Live; now: number }) {
  const replicas = live.event?.sources.filter((source) => source.replica) ?? [];
  const faults = live.event?.status.faults ?? [];
  return (
    <div className="banners">
      {live.connection === "lost" && (
        <div className="banner bad" role="alert">
          <Icon name="warning" size={20} />
          <p>
            <strong>Disconnected from Penstock.</strong>{" "}
            {live.refusal || (live.seen > 0
              ? `What you see is ${formatDuration(now - live.seen)} old. Trying again…`
              : "Trying again…")}
          </p>
        </div>
      )}
      {replicas.map((source) => {
        // Today there is one replica. Another would be told by its records' own endpoint.
        const api = apis.randomuser!;
        return (
          <div className="banner warn" role="status" key={source.name}>
            <Icon name="warning" size={20} />
            <p>
              <strong>{api.what} come from the built-in replica, not from {api.host}.</strong>{" "}
              Source <bdi>{source.name}</bdi> cannot reach the API and reads <code>{source.endpoint}</code> instead.
            </p>
          </div>
        );
      })}
      {faults.map((fault) => (
        <div className="banner bad" role="alert" key={fault}>
          <Icon name="warning" size={20} />
          <p><bdi>{fault}</bdi></p>
        </div>
      ))}
    </div>
  );
}
