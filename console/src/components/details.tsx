import { useState } from "react";
import { api } from "../api/client";
import { formatCount, formatRate } from "../format";
import type { GraphNode } from "../gen/api";
import { Drawer } from "./drawer";
import { Icon } from "./icons";
import { StateBadge } from "./state_badge";

/** A source or query in full, with its switch. */
export function Details({ node, close }: { node: GraphNode | undefined; close: () => void }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  if (!node) return null;
  const stopped = ["stopped", "finished", "failed"].includes(node.state);
  const turn = async () => {
    setBusy(true);
    try {
      await api.setRunning(node.kind === "source" ? "source" : "query", node.name, stopped);
      setError("");
    } catch (failure) {
      setError((failure as Error).message);
    }
    setBusy(false);
  };
  return (
    <Drawer close={close} title={<>{node.kind === "source" ? "Source" : "Query"} <bdi>{node.name}</bdi></>} actions={
      <button type="button" onClick={turn} disabled={busy} className={stopped ? "primary" : ""}>
        <Icon name={stopped ? "play" : "pause"} size={14} /> {stopped ? "Start" : "Stop"}
      </button>
    }>
      {error && <p className="error" role="alert">{error}</p>}
      <dl className="facts">
        <dt>State</dt><dd><StateBadge state={node.state} /></dd>
        {node.detail && <><dt>Detail</dt><dd className="break"><bdi>{node.detail}</bdi></dd></>}
        {node.endpoint && <><dt>Reads</dt><dd className="break"><code>{node.endpoint}</code></dd></>}
        {Object.entries(node.counts).map(([name, value]) => [
          <dt key={`${name}-name`}>{name.replaceAll("_", " ")}</dt>,
          <dd key={name}>
            {formatCount(value)}
            {node.rates[name] !== undefined && <span className="quiet"> · {formatRate(node.rates[name])}</span>}
          </dd>,
        ])}
      </dl>
    </Drawer>
  );
}
