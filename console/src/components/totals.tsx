import type { Live, Series } from "../live";
import { formatCount, formatRate, formatShort } from "../format";
import { Sparkline } from "./sparkline";

const tiles: { name: Series; label: string; hint: string; colour: string }[] = [
  { name: "fetched", label: "Fetched", hint: "Records in responses of sources", colour: "--source" },
  { name: "acknowledged", label: "Acknowledged", hint: "Records that the log has made durable", colour: "--topic" },
  { name: "processed", label: "Processed", hint: "Records that queries have read", colour: "--query" },
  { name: "stored", label: "Stored", hint: "Rows that queries have written", colour: "--table" },
  { name: "rejected", label: "Rejected", hint: "Records kept in dead-letter topics", colour: "--bad" },
  { name: "lag", label: "Lag", hint: "Records in topics that queries have not committed yet", colour: "--dag" },
];

export function Totals({ live }: { live: Live }) {
  const status = live.event?.status;
  return (
    <section className="totals" aria-label="Totals and rates">
      {tiles.map(({ name, label, hint, colour }) => {
        const total = status?.totals[name];
        const rate = name === "lag" ? undefined : status?.rates[name];
        return (
          <div className="tile" key={name} data-total={name} title={hint}
            data-alarm={(name === "rejected" && (total ?? 0) > 0) || undefined}>
            <h3>{label}</h3>
            <p className="figure" title={total === undefined ? "" : formatCount(total)} data-value={total}>
              {total === undefined ? "–" : total < 1e7 ? formatCount(total) : formatShort(total)}
            </p>
            <p className="rate">{rate === undefined ? (name === "lag" ? "records" : "") : formatRate(rate)}</p>
            <Sparkline times={live.times} values={live.history[name]} colour={colour} />
          </div>
        );
      })}
    </section>
  );
}
