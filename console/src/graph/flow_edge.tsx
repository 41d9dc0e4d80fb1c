import { BaseEdge, EdgeLabelRenderer, getBezierPath, type Edge, type EdgeProps } from "@xyflow/react";
import { formatRate } from "../format";

export type FlowEdgeData = { rate: number | null; control: boolean; still: boolean };

/** Dashes that move while records flow, with the rate on top. */
export function FlowEdge(props: EdgeProps<Edge<FlowEdgeData>>) {
  const [path, x, y] = getBezierPath(props);
  const { rate, control, still } = props.data!;
  const flows = rate !== null && rate >= 0.05;
  return (
    <>
      <BaseEdge path={path} className={control ? "edge control" : flows ? `edge flows${still ? "" : " moves"}` : "edge"} />
      {rate !== null && (
        <EdgeLabelRenderer>
          <span className="edge-label nopan" data-flows={flows || undefined}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>{formatRate(rate)}</span>
        </EdgeLabelRenderer>
      )}
    </>
  );
}
