import { useState, type Ref } from "react";
import { api } from "../api/client";
import { usePolled } from "../api/poll";
import { formatBytes, formatDuration, formatShort } from "../format";
import { CopyButton } from "./copy_button";
import { Icon } from "./icons";

const shown = 25;

/** As SQL wants a name: plain, or within backquotes. */
export function sqlName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/i.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

export function TablePreview({ ref, chosen, choose }: { ref: Ref<HTMLElement>; chosen: string; choose: (table: string) => void }) {
  const tables = usePolled((signal) => api.tables(signal), "tables", 5000);
  const [following, setFollowing] = useState(true);
  const all = tables.value ?? [];
  const table = all.find((one) => `${one.keyspace}.${one.name}` === chosen) ?? all[0];
  const sql = table ? `SELECT * FROM ${sqlName(table.keyspace)}.${sqlName(table.name)} LIMIT ${shown}` : "";
  const rows = usePolled(async (signal) => (sql ? api.sql(sql, signal) : null), sql, following ? 3000 : 0);

  return (
    <section className="panel" ref={ref} tabIndex={-1} aria-labelledby="tables-title" id="tables">
      <header className="panel-head">
        <h2 id="tables-title">Table</h2>
        <div className="controls">
          <label><span className="quiet">Table</span>
            <select value={table ? `${table.keyspace}.${table.name}` : ""} onChange={(event) => choose(event.target.value)}
              disabled={!table}>
              {all.map((one) => <option key={`${one.keyspace}.${one.name}`}>{`${one.keyspace}.${one.name}`}</option>)}
            </select>
          </label>
          <label className="check">
            <input type="checkbox" checked={following} onChange={(event) => setFollowing(event.target.checked)} /> follow
          </label>
          <button type="button" className="icon-button" aria-label="Ask again" onClick={rows.again}><Icon name="refresh" /></button>
        </div>
      </header>
      {table && (
        <p className="facts-line">
          <span>about {formatShort(table.rows_estimate)} rows</span><span>{formatBytes(table.bytes)}</span>
          {rows.value && <span>{formatDuration(rows.value.elapsed_ms)}</span>}
          <span className="sql"><code>{sql}</code><CopyButton text={sql} what="the SQL" /></span>
        </p>
      )}
      {(tables.error || rows.error) && <p className="error" role="alert">{tables.error || rows.error}</p>}
      <div className="scroll" tabIndex={0} role="region" aria-label="Rows">
        {rows.value && (
          <table className="list rows">
            <thead>
              <tr>{rows.value.columns.map((column) => {
                const kind = table?.columns.find((one) => one.name === column.name)?.kind;
                const numeric = ["INT", "BIGINT", "DOUBLE"].includes(column.type);
                return (
                  <th scope="col" key={column.name} className={numeric ? "number" : undefined} title={kind === "regular" ? column.type : `${column.type}, ${kind?.replace("_", " ")}`}>
                    <bdi>{column.name}</bdi>
                    <span className="type">{column.type.toLowerCase()}{kind === "partition_key" ? " · key" : kind === "clustering" ? " · clustering" : ""}</span>
                  </th>
                );
              })}</tr>
            </thead>
            <tbody>
              {rows.value.rows.map((row, index) => (
                <tr key={index}>{row.map((cell, at) => <Cell key={at} value={cell} />)}</tr>
              ))}
            </tbody>
          </table>
        )}
        {rows.value?.rows.length === 0 && <p className="empty">The table is empty.</p>}
        {tables.value && !table && <p className="empty">There are no tables yet.</p>}
      </div>
    </section>
  );
}

function Cell({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <td className="quiet">null</td>;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return <td className={typeof value === "number" ? "number" : "clip"} title={text}><bdi>{text}</bdi></td>;
}
