import type { Status } from "../gen/api";
import { CopyButton } from "./copy_button";

type Seam = keyof Status["seams"];
const seams: { seam: Seam; label: string; port?: string; scheme?: string; what?: string }[] = [
  { seam: "topics", label: "Topics", port: "kafka", what: "Kafka bootstrap address" },
  { seam: "schemas", label: "Schemas", port: "schemas", scheme: "http://", what: "schema registry address" },
  { seam: "engine", label: "Engine" },
  { seam: "tables", label: "Tables", port: "cql", what: "CQL address" },
  { seam: "metadata", label: "Metadata" },
  { seam: "coordination", label: "Coordination" },
];

export function Seams({ status }: { status: Status }) {
  const host = location.hostname;
  return (
    <section className="seams" aria-label="What it runs on">
      {seams.map(({ seam, label, port, scheme = "", what = "" }) => {
        const number = port ? status.ports[port] : undefined;
        const address = number ? `${scheme}${host}:${number}` : "";
        return (
          <div className="seam" key={seam}>
            <h3>{label}</h3>
            <p><bdi>{status.seams[seam] ?? "none"}</bdi></p>
            {address && <p className="address"><code>{address}</code><CopyButton text={address} what={what} /></p>}
          </div>
        );
      })}
    </section>
  );
}
