import { useEffect, useMemo, useReducer, useRef, useState } from "react";
import { Banners } from "./components/banners";
import { Details } from "./components/details";
import { Header } from "./components/header";
import { Members } from "./components/members";
import { Problems } from "./components/problems";
import { Records } from "./components/records";
import { Runs } from "./components/runs";
import { Seams } from "./components/seams";
import { TablePreview } from "./components/table_preview";
import { Totals } from "./components/totals";
import type { GraphNode } from "./gen/api";
import { PipelineGraph } from "./graph/pipeline_graph";
import { follow, nothingYet, reduce } from "./live";
import { useNow } from "./use_now";

export function App() {
  const [live, dispatch] = useReducer(reduce, nothingYet);
  useEffect(() => follow("/api/v1/events", dispatch), []);
  const now = useNow(1000);
  const [chosenPipeline, setPipeline] = useState("");
  const [topic, setTopic] = useState("");
  const [table, setTable] = useState("");
  const [details, setDetails] = useState<string | null>(null);
  const records = useRef<HTMLElement>(null);
  const tables = useRef<HTMLElement>(null);
  const runs = useRef<HTMLElement>(null);

  const event = live.event;
  const names = useMemo(() => Object.keys(event?.graphs ?? {}), [event]);
  const pipeline = names.includes(chosenPipeline) ? chosenPipeline : names[0] ?? "";
  const graph = event?.graphs[pipeline];

  const goTo = (where: React.RefObject<HTMLElement | null>) => {
    where.current?.scrollIntoView({ behavior: "smooth", block: "start" });
    where.current?.focus({ preventScroll: true });
  };
  const open = (node: GraphNode) => {
    if (node.kind === "topic") {
      setTopic(node.name);
      goTo(records);
    } else if (node.kind === "table") {
      setTable(node.name);
      goTo(tables);
    } else if (node.kind === "dag") {
      goTo(runs);
    } else {
      setDetails(node.id);
    }
  };

  return (
    <div className="page" data-connection={live.connection}>
      <a className="skip" href="#pipeline">Skip to the pipeline</a>
      <Header live={live} pipelines={names} pipeline={pipeline} choose={setPipeline} />
      <main>
        <Banners live={live} now={now} />
        {event && <Problems status={event.status} />}
        {event && <Seams status={event.status} />}
        {event && <Members status={event.status} />}
        <Totals live={live} />
        <section className="panel" id="pipeline" aria-labelledby="pipeline-title" tabIndex={-1}>
          <header className="panel-head">
            <h2 id="pipeline-title">Pipeline{pipeline && <bdi className="of"> {pipeline}</bdi>}</h2>
            <p className="hint">Rates are per second, over the last five seconds</p>
          </header>
          {graph && graph.nodes.length > 0
            ? <PipelineGraph key={pipeline} graph={graph} open={open} />
            : <p className="empty">{event ? "No pipeline is loaded." : "Waiting for the first figures…"}</p>}
        </section>
        <div className="columns">
          <Records ref={records} chosen={topic} choose={setTopic} now={now} />
          <TablePreview ref={tables} chosen={table} choose={setTable} />
        </div>
        <Runs ref={runs} dags={event?.dags ?? []} now={now} />
      </main>
      {details && <Details node={graph?.nodes.find((node) => node.id === details)} close={() => setDetails(null)} />}
      <footer>
        {event && <>Penstock {event.status.version} · <a href="/api/v1/openapi.json">API</a> · <a href="/metrics">metrics</a></>}
      </footer>
    </div>
  );
}
