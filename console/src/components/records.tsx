import { useEffect, useState, type Ref } from "react";
import { api } from "../api/client";
import { usePolled } from "../api/poll";
import { formatAge, formatCount, formatTime } from "../format";
import type { Record as TopicRecord } from "../gen/api";
import { CopyButton } from "./copy_button";
import { Drawer } from "./drawer";
import { JsonView } from "./json_view";

const shown = 25;
const previewLength = 200;

export function Records({ ref, chosen, choose, now }: {
  ref: Ref<HTMLElement>; chosen: string; choose: (topic: string) => void; now: number;
}) {
  const topics = usePolled((signal) => api.topics(signal), "topics", 5000);
  const [partition, setPartition] = useState<number | null>(null);
  const [following, setFollowing] = useState(true);
  const [record, setRecord] = useState<TopicRecord | null>(null);
  const names = (topics.value ?? []).filter((topic) => !topic.internal || topic.name === chosen);
  const topic = names.find((one) => one.name === chosen) ?? names[0];
  useEffect(() => setPartition(null), [topic?.name]);

  const records = usePolled(async (signal) => {
    if (!topic) return [];
    const answer = await api.records(topic.name, partition, shown, signal);
    return partition === null ? answer : answer.reverse();  // newest first, either way
  }, `${topic?.name ?? ""}/${partition ?? ""}`, following && !record ? 1500 : 0);

  return (
    <section className="panel" ref={ref} tabIndex={-1} aria-labelledby="records-title" id="records">
      <header className="panel-head">
        <h2 id="records-title">Last records</h2>
        <div className="controls">
          <label><span className="quiet">Topic</span>
            <select value={topic?.name ?? ""} onChange={(event) => choose(event.target.value)} disabled={!topic}>
              {names.map((one) => <option key={one.name}>{one.name}</option>)}
            </select>
          </label>
          <label><span className="quiet">Partition</span>
            <select value={partition ?? ""} disabled={!topic}
              onChange={(event) => setPartition(event.target.value === "" ? null : Number(event.target.value))}>
              <option value="">all</option>
              {topic?.partitions.map(({ partition: number }) => <option key={number} value={number}>{number}</option>)}
            </select>
          </label>
          <label className="check">
            <input type="checkbox" checked={following} onChange={(event) => setFollowing(event.target.checked)} /> follow
          </label>
        </div>
      </header>
      {(topics.error || records.error) && <p className="error" role="alert">{topics.error || records.error}</p>}
      <div className="scroll" tabIndex={0} role="region" aria-label="Records">
        <table className="list">
          <thead>
            <tr><th scope="col" className="number">Offset</th><th scope="col" className="number">Part.</th>
              <th scope="col">Age</th><th scope="col" className="key">Key</th><th scope="col">Value</th></tr>
          </thead>
          <tbody>
            {records.value?.map((one) => (
              <tr key={`${one.partition}/${one.offset}`} onClick={() => setRecord(one)}>
                <td className="number">
                  <button type="button" className="link" aria-label={`Record ${one.offset} of partition ${one.partition}`}
                    onClick={(event) => { event.stopPropagation(); setRecord(one); }}>{one.offset}</button>
                </td>
                <td className="number">{one.partition}</td>
                <td className="nowrap" title={one.timestamp}>{formatAge(one.timestamp, now)}</td>
                <td className="clip key"><bdi>{one.key ?? <span className="quiet">none</span>}</bdi></td>
                <td className="clip"><bdi>{preview(one)}</bdi></td>
              </tr>
            ))}
          </tbody>
        </table>
        {records.value?.length === 0 && (
          <p className="empty">{topic ? `Topic ${topic.name} holds no records yet.` : "There are no topics yet."}</p>
        )}
      </div>
      {record && <RecordDrawer topic={topic?.name ?? ""} record={record} close={() => setRecord(null)} />}
    </section>
  );
}

function preview(record: TopicRecord) {
  if (record.value === null) return <span className="quiet">null (tombstone)</span>;
  return record.value.length > previewLength ? `${record.value.slice(0, previewLength)}…` : record.value;
}

function RecordDrawer({ topic, record, close }: { topic: string; record: TopicRecord; close: () => void }) {
  const headers = Object.entries(record.headers);
  return (
    <Drawer close={close} title={<><bdi>{topic}</bdi> · {record.partition} · {record.offset}</>}
      actions={record.value !== null && <CopyButton text={record.value} what="the value" />}>
      <dl className="facts">
        <dt>Partition</dt><dd>{record.partition}</dd>
        <dt>Offset</dt><dd>{formatCount(record.offset)}</dd>
        <dt>Time</dt><dd>{formatTime(record.timestamp)} <span className="quiet">{record.timestamp}</span></dd>
        <dt>Key</dt>
        <dd className="break"><bdi>{record.key ?? "none"}</bdi> <Encoding encoding={record.key_encoding} schema={record.key_schema_id} />
          {record.key_problem && <p className="quiet">{record.key_problem}</p>}</dd>
        {headers.map(([name, value]) => [
          <dt key={`${name}-name`}><bdi>{name}</bdi></dt>,
          <dd key={name} className="break"><bdi>{value}</bdi></dd>,
        ])}
      </dl>
      <h3>Value <Encoding encoding={record.value_encoding} schema={record.value_schema_id} /></h3>
      {record.value_problem && <p className="quiet">{record.value_problem}</p>}
      {record.value === null ? <p className="quiet">null: a tombstone deletes what this key had before.</p>
        : <JsonView text={record.value} />}
    </Drawer>
  );
}

/** How bytes are shown that are not just text. */
function Encoding({ encoding, schema }: { encoding: TopicRecord["value_encoding"]; schema: number | undefined }) {
  if (encoding === "utf8") return null;
  if (encoding === "base64") return <span className="tag" title="The bytes are not UTF-8">base64</span>;
  return <span className="tag" title={`JSON of what schema ${schema} says of the bytes`}>{encoding} · schema {schema}</span>;
}
