import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";
import { Icon } from "../components/icons";
import { StateBadge } from "../components/state_badge";
import { formatBytes, formatRate, formatShort, formatState } from "../format";
import type { GraphNode } from "../gen/api";
import { nodeSize } from "./layout";

export type PartNodeData = { node: GraphNode; vertical: boolean; open: (node: GraphNode) => void };

const opens = { source: "details", topic: "records", query: "details", table: "rows", dag: "runs" };

/** A table's keyspace goes to the line above, so that its name has room. */
function titles(node: GraphNode): [string, string] {
  const dot = node.kind === "table" ? node.name.indexOf(".") : -1;
  if (dot > 0) return [node.name.slice(0, dot), node.name.slice(dot + 1)];
  return [node.type ? `${node.type} source` : node.kind, node.name];
}

/** The one figure that says how a part does, and what stands beside it. */
function figures(node: GraphNode): [string, string] {
  const { counts, rates } = node;
  switch (node.kind) {
    case "source": return [formatRate(rates.acknowledged ?? 0), `${formatShort(counts.acknowledged ?? 0)} acknowledged`];
    case "topic": return [formatRate(rates.appended ?? 0), `${formatShort(counts.records ?? 0)} records · ${formatBytes(counts.bytes ?? 0)}`];
    case "query": return [formatRate(rates.processed ?? 0), `lag ${formatShort(counts.lag ?? 0)}${counts.rejected ? ` · ${formatShort(counts.rejected)} rejected` : ""}`];
    case "table": return [formatRate(rates.stored ?? 0), `≈ ${formatShort(counts.rows_estimate ?? 0)} rows`];
    case "dag": return [node.detail, counts.tasks === 1 ? "1 task" : `${counts.tasks ?? 0} tasks`];
  }
}

/**
 * Where edges meet a node. Given in numbers, so that nothing is measured anew when the figures change: React Flow hides what it
 * measures, and edges would blink once a second.
 */
export function handlesOf(vertical: boolean): NonNullable<Node["handles"]> {
  const { width, height } = nodeSize;
  const at = (position: Position) => ({
    position, width: 1, height: 1,
    x: position === Position.Left ? 0 : position === Position.Right ? width : width / 2,
    y: position === Position.Top ? 0 : position === Position.Bottom ? height : height / 2,
  });
  return [
    { id: "flow", type: "target", ...at(vertical ? Position.Top : Position.Left) },
    { id: "flow", type: "source", ...at(vertical ? Position.Bottom : Position.Right) },
    { id: "control", type: "target", ...at(vertical ? Position.Top : Position.Bottom) },
    { id: "control", type: "source", ...at(vertical ? Position.Bottom : Position.Top) },
  ];
}

export function PartNode({ data: { node, vertical, open } }: NodeProps<Node<PartNodeData>>) {
  const [figure, beside] = figures(node);
  const [kind, title] = titles(node);
  return (
    <>
      {handlesOf(vertical).map(({ id, type, position }) => (
        <Handle key={`${id}-${type}`} id={id!} type={type} position={position} isConnectable={false} />
      ))}
      <button type="button" className="part nopan" data-kind={node.kind} data-id={node.id} title={[node.name, node.detail].filter(Boolean).join("\n")}
        aria-label={`${node.kind} ${node.name}, ${formatState(node.state)}, ${figure}, ${beside}. Open ${opens[node.kind]}`}
        onClick={() => open(node)}>
        <span className="part-top">
          <span className="part-kind"><Icon name={node.kind} size={14} /><bdi>{kind}</bdi></span>
          <StateBadge state={node.state} />
        </span>
        <span className="part-name"><bdi>{title}</bdi></span>
        <span className="part-figures"><b>{figure}</b><span>{beside}</span></span>
        {node.replica && <span className="part-replica">built-in replica</span>}
      </button>
    </>
  );
}
