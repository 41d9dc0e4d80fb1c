import { useState, type Ref } from "react";
import { api } from "../api/client";
import { usePolled } from "../api/poll";
import { formatDuration, formatSpan, formatTime } from "../format";
import type { Dag, Run, Task } from "../gen/api";
import { Icon } from "./icons";
import { LogDrawer } from "./log_drawer";
import { StateBadge, toneOf } from "./state_badge";

const shown = 20;

export function Runs({ ref, dags, now }: { ref: Ref<HTMLElement>; dags: Dag[]; now: number }) {
  const runs = usePolled((signal) => api.runs(shown, signal), "runs", 1500);
  const [open, setOpen] = useState<string | null | undefined>(undefined);
  const [log, setLog] = useState<{ run: Run; task: Task } | null>(null);
  const [said, setSaid] = useState<{ text: string; bad: boolean } | null>(null);

  const act = async (what: Promise<string>) => {
    try {
      setSaid({ text: await what, bad: false });
      runs.again();
    } catch (error) {
      setSaid({ text: (error as Error).message, bad: true });
    }
  };
  const key = (run: Run) => `${run.dag}/${run.run_id}`;
  const first = runs.value?.[0];
  // The newest one is open until somebody chooses.
  const openKey = open === undefined ? (first ? key(first) : null) : open;

  return (
    <section className="panel" ref={ref} tabIndex={-1} aria-labelledby="runs-title" id="runs">
      <header className="panel-head"><h2 id="runs-title">DAG runs</h2></header>
      <p className={said?.bad ? "error" : "said"} role="status">{said?.text}</p>
      <ul className="dags">
        {dags.map((dag) => (
          <li key={dag.name} className="dag-card">
            <div>
              <h3><Icon name="dag" /> <bdi>{dag.name}</bdi></h3>
              <p className="quiet">
                {dag.schedule || "by hand only"}{dag.paused ? " · paused" : dag.next_run &&
                  ` · next in ${formatDuration(Date.parse(dag.next_run) - now)}`}
              </p>
            </div>
            <div className="actions">
              <button type="button" onClick={() => act(api.setPaused(dag.name, !dag.paused)
                .then(() => `${dag.name} is ${dag.paused ? "scheduled again" : "paused"}`))}>
                <Icon name={dag.paused ? "play" : "pause"} size={14} /> {dag.paused ? "Unpause" : "Pause"}
              </button>
              <button type="button" className="primary" data-trigger={dag.name}
                onClick={() => act(api.trigger(dag.name).then(({ run_id }) => `Run ${run_id} of ${dag.name} was triggered`))}>
                <Icon name="play" size={14} /> Trigger
              </button>
            </div>
          </li>
        ))}
      </ul>
      {runs.error && <p className="error" role="alert">{runs.error}</p>}
      {runs.value?.length === 0 && <p className="empty">No DAG has run yet.</p>}
      {runs.value && runs.value.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Runs">
          <table className="list runs">
            <thead>
              <tr><th scope="col">Run</th><th scope="col">State</th><th scope="col">Started</th><th scope="col">Took</th><th scope="col">Tasks</th></tr>
            </thead>
            {runs.value.map((run) => (
              <RunRows key={key(run)} run={run} now={now} open={openKey === key(run)}
                toggle={() => setOpen(openKey === key(run) ? null : key(run))} showLog={(task) => setLog({ run, task })} />
            ))}
          </table>
        </div>
      )}
      {log && <LogDrawer run={log.run} task={log.task} close={() => setLog(null)} />}
    </section>
  );
}

function RunRows({ run, now, open, toggle, showLog }: {
  run: Run; now: number; open: boolean; toggle: () => void; showLog: (task: Task) => void;
}) {
  return (
    <tbody data-run={run.run_id}>
      <tr>
        <td className="clip">
          <button type="button" className="link fold" aria-expanded={open} onClick={toggle}>
            <Icon name="chevron" size={14} /><bdi>{run.dag}</bdi>
          </button>
          <span className="quiet run-id"><bdi>{run.run_id}</bdi></span>
        </td>
        <td><StateBadge state={run.state} /></td>
        <td className="nowrap">{formatTime(run.started ?? run.queued)}</td>
        <td className="nowrap">{formatSpan(run.started, run.ended, now)}</td>
        <td>
          <span className="pips">
            {run.tasks.map((task) => (
              <span key={task.task} className="pip" data-tone={toneOf(task.state)} title={`${task.task}: ${task.state}`} />
            ))}
          </span>
        </td>
      </tr>
      {open && run.tasks.map((task) => (
        <tr className="task" key={task.task}>
          <td className="clip"><bdi>{task.task}</bdi>{task.try_number > 1 && <span className="tag">try {task.try_number}</span>}</td>
          <td><StateBadge state={task.state} /></td>
          <td colSpan={2} className="nowrap">{formatSpan(task.started, task.ended, now)}</td>
          <td>
            <div className="task-end">
              <span className="note"><bdi>{task.note}</bdi><Counts counts={task.counts} /></span>
              <button type="button" onClick={() => showLog(task)} disabled={task.try_number === 0}
                aria-label={`Log of ${task.task}`}>Log</button>
            </div>
          </td>
        </tr>
      ))}
    </tbody>
  );
}

/** {"fetched": 10, ...}: what a task's success means. */
function Counts({ counts }: { counts: unknown }) {
  if (typeof counts !== "object" || counts === null) return null;
  const entries = Object.entries(counts).filter(([, value]) => typeof value !== "object");
  if (entries.length === 0) return null;
  return (
    <span className="counts">
      {entries.map(([name, value]) => (
        <span key={name}><b>{typeof value === "number" ? value.toLocaleString("en") : String(value)}</b> {name.replaceAll("_", " ")}</span>
      ))}
    </span>
  );
}
