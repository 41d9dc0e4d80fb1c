import { useState } from "react";
import { api } from "../api/client";
import { usePolled } from "../api/poll";
import { formatTime } from "../format";
import type { Run, Task } from "../gen/api";
import { Drawer } from "./drawer";

export function LogDrawer({ run, task, close }: { run: Run; task: Task; close: () => void }) {
  const [attempt, setAttempt] = useState(Math.max(1, task.try_number));
  const log = usePolled((signal) => api.log(run.dag, run.run_id, task.task, attempt, signal), String(attempt), 1500);
  const tries = Array.from({ length: Math.max(1, task.try_number) }, (_, index) => index + 1);
  return (
    <Drawer close={close} title={<>Log of <bdi>{task.task}</bdi></>} actions={tries.length > 1 && (
      <label><span className="quiet">Try</span>
        <select value={attempt} onChange={(event) => setAttempt(Number(event.target.value))}>
          {tries.map((number) => <option key={number}>{number}</option>)}
        </select>
      </label>
    )}>
      <p className="quiet"><bdi>{run.dag}</bdi> · <bdi>{run.run_id}</bdi></p>
      {log.error && <p className="error" role="alert">{log.error}</p>}
      {log.value?.lines.length === 0 && <p className="empty">This try has written nothing.</p>}
      <ol className="log">
        {log.value?.lines.map((line, index) => (
          <li key={index}><time dateTime={line.time ?? ""}>{formatTime(line.time).slice(11)}</time><bdi>{line.text}</bdi></li>
        ))}
      </ol>
    </Drawer>
  );
}
