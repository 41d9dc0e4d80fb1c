import { Controls, ReactFlow, ReactFlowProvider, useReactFlow, type Edge, type Node } from "@xyflow/react";
import { useEffect, useMemo, useRef } from "react";
import type { Graph, GraphNode } from "../gen/api";
import { useMedia } from "../use_now";
import { FlowEdge, type FlowEdgeData } from "./flow_edge";
import { layout, nodeSize } from "./layout";
import { handlesOf, PartNode, type PartNodeData } from "./part_node";

const nodeTypes = { part: PartNode };
const edgeTypes = { flow: FlowEdge };

export function PipelineGraph(props: { graph: Graph; open: (node: GraphNode) => void }) {
  return <ReactFlowProvider><Flow {...props} /></ReactFlowProvider>;
}

function Flow({ graph, open }: { graph: Graph; open: (node: GraphNode) => void }) {
  const vertical = useMedia("(max-width: 760px)");
  const still = useMedia("(prefers-reduced-motion: reduce)");
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  // Which nodes there are and how they hang together changes seldom, their figures every second.
  const shape = JSON.stringify([graph.nodes.map((node) => node.id), graph.edges.map((edge) => [edge.from, edge.to])]);
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const places = useMemo(() => new Map(layout(graph, vertical).map((one) => [one.node.id, one])), [shape, vertical]);

  const nodes: Node<PartNodeData>[] = graph.nodes.map((node) => {
    const place = places.get(node.id);
    return {
      id: node.id, type: "part", position: { x: place?.x ?? 0, y: place?.y ?? 0 }, ...nodeSize, measured: nodeSize,
      handles: handlesOf(vertical),
      data: { node, vertical, open }, draggable: false, selectable: false, focusable: false, connectable: false,
    };
  });
  const edges: Edge<FlowEdgeData>[] = graph.edges.map((edge) => ({
    id: `${edge.from}>${edge.to}`, source: edge.from, target: edge.to, type: "flow", selectable: false, focusable: false,
    sourceHandle: edge.control ? "control" : "flow", targetHandle: edge.control ? "control" : "flow",
    data: { rate: edge.rate, control: edge.control, still },
  }));

  useEffect(() => {
    const fit = () => void flow.fitView({ padding: 0.06, maxZoom: 1.1 });
    const soon = requestAnimationFrame(fit);
    const resized = new ResizeObserver(fit);
    resized.observe(frame.current!);
    return () => {
      cancelAnimationFrame(soon);
      resized.disconnect();
    };
  }, [flow, places]);

  const all = [...places.values()];
  const span = (axis: "x" | "y") => Math.max(...all.map((one) => one[axis])) - Math.min(...all.map((one) => one[axis]));
  const rows = vertical ? Math.round(span("y") / 168) + 1 : Math.round(span("y") / 132) + 1;
  return (
    <div className="graph" ref={frame} data-rows={Math.min(vertical ? 9 : 6, rows)} data-vertical={vertical || undefined}>
      <ReactFlow nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} fitView minZoom={0.2} maxZoom={2}
        panOnDrag={!vertical} zoomOnScroll={false} preventScrolling={false} nodesDraggable={false} nodesConnectable={false}
        elementsSelectable={false} proOptions={{ hideAttribution: true }} aria-label="Pipeline graph">
        {!vertical && <Controls showInteractive={false} position="bottom-right" />}
      </ReactFlow>
    </div>
  );
}
