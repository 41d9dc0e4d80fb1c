// Where the nodes of a pipeline stand: in columns along the flow (or rows, where the page is narrow).
import type { Graph, GraphNode } from "../gen/api";

export interface Placed {
  node: GraphNode;
  x: number;
  y: number;
}

export const nodeSize = { width: 208, height: 104 };
const gap = { along: 104, across: 28 };

/** Records flow along the first axis. DAGs stand in a band of their own, as no records flow through them. */
export function layout(graph: Graph, vertical: boolean): Placed[] {
  const flowing = graph.nodes.filter((node) => node.kind !== "dag");
  const ranks = rank(flowing, graph);
  const columns: GraphNode[][] = [];
  for (const node of flowing) (columns[ranks.get(node.id)!] ??= []).push(node);
  order(columns, graph);

  const along = vertical ? nodeSize.height + 64 : nodeSize.width + gap.along;
  const across = vertical ? nodeSize.width + gap.across : nodeSize.height + gap.across;
  const widest = Math.max(1, ...columns.map((column) => column?.length ?? 0));
  const placed: Placed[] = [];
  columns.forEach((column, rankOf) => column?.forEach((node, index) => {
    const offset = ((widest - column.length) / 2 + index) * across;
    placed.push(place(node, rankOf * along, offset, vertical));
  }));
  const dags = graph.nodes.filter((node) => node.kind === "dag");
  dags.forEach((node, index) => {
    placed.push(vertical
      ? { node, x: index * across, y: -(nodeSize.height + 64) }
      : { node, x: index * along, y: widest * across + 24 });
  });
  return placed;
}

function place(node: GraphNode, along: number, across: number, vertical: boolean): Placed {
  return vertical ? { node, x: across, y: along } : { node, x: along, y: across };
}

/** The longest way from a node that nothing flows into. Edges that would close a circle are not counted. */
function rank(nodes: GraphNode[], graph: Graph): Map<string, number> {
  const into = new Map<string, string[]>(nodes.map((node) => [node.id, []]));
  for (const edge of graph.edges) {
    if (!edge.control && into.has(edge.from)) into.get(edge.to)?.push(edge.from);
  }
  const ranks = new Map<string, number>();
  const visit = (id: string, above: Set<string>): number => {
    const known = ranks.get(id);
    if (known !== undefined) return known;
    above.add(id);
    let deepest = 0;
    for (const from of into.get(id) ?? []) {
      if (!above.has(from)) deepest = Math.max(deepest, visit(from, above) + 1);
    }
    above.delete(id);
    ranks.set(id, deepest);
    return deepest;
  };
  for (const node of nodes) visit(node.id, new Set());
  return ranks;
}

/** Fewer crossings: each column by the mean place of what flows into it. */
function order(columns: GraphNode[][], graph: Graph): void {
  const places = new Map<string, number>();
  columns.forEach((column) => {
    const mean = (node: GraphNode, index: number) => {
      const from = graph.edges.filter((edge) => edge.to === node.id && places.has(edge.from)).map((edge) => places.get(edge.from)!);
      return from.length === 0 ? index : from.reduce((sum, one) => sum + one, 0) / from.length;
    };
    const means = new Map(column?.map((node, index) => [node.id, mean(node, index)]));
    column?.sort((a, b) => means.get(a.id)! - means.get(b.id)!);
    column?.forEach((node, index) => places.set(node.id, index - (column.length - 1) / 2));
  });
}
