import { expect, it } from "vitest";
import type { Graph, GraphEdge, GraphNode } from "../gen/api";
import { layout, nodeSize } from "./layout";

const node = (id: string): GraphNode =>
  ({ id, kind: id.split(":")[0] as GraphNode["kind"], name: id, state: "", detail: "", rates: {}, counts: {} });
const edge = (from: string, to: string, control = false): GraphEdge => ({ from, to, rate: 1, control });
const example: Graph = {
  nodes: ["source:s", "topic:t", "query:a", "query:b", "table:a", "table:b", "dag:d"].map(node),
  edges: [edge("source:s", "topic:t"), edge("topic:t", "query:a"), edge("topic:t", "query:b"), edge("query:a", "table:a"),
    edge("query:b", "table:b"), edge("dag:d", "source:s", true)],
};
const at = (graph: Graph, vertical = false) => new Map(layout(graph, vertical).map((one) => [one.node.id, one]));

it("follows the flow from left to right", () => {
  const places = at(example);
  const xs = ["source:s", "topic:t", "query:a", "table:a"].map((id) => places.get(id)!.x);
  expect(xs).toEqual([...xs].sort((a, b) => a - b));
  expect(new Set(xs).size).toBe(4);
});
it("follows it from top to bottom where the page is narrow", () => {
  const places = at(example, true);
  expect(places.get("topic:t")!.y).toBeGreaterThan(places.get("source:s")!.y);
});
it("lets no two nodes overlap", () => {
  for (const vertical of [false, true]) {
    const all = layout(example, vertical);
    for (const a of all) {
      for (const b of all) {
        if (a === b) continue;
        expect(Math.abs(a.x - b.x) >= nodeSize.width || Math.abs(a.y - b.y) >= nodeSize.height).toBe(true);
      }
    }
  }
});
it("keeps branches in line, without crossings", () => {
  const crossed = { ...example, edges: [...example.edges.slice(0, 3), edge("query:a", "table:b"), edge("query:b", "table:a")] };
  const places = at(crossed);
  expect(places.get("query:a")!.y < places.get("query:b")!.y).toBe(places.get("table:b")!.y < places.get("table:a")!.y);
});
it("ends on a circle", () => {
  const circle: Graph = { nodes: [node("topic:a"), node("query:a")], edges: [edge("topic:a", "query:a"), edge("query:a", "topic:a")] };
  expect(layout(circle, false)).toHaveLength(2);
});
it("takes an empty pipeline", () => expect(layout({ nodes: [], edges: [] }, false)).toEqual([]));
