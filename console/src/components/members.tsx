import type { Status } from "../gen/api";

/** Who shares the work: shown when there are several. */
export function Members({ status }: { status: Status }) {
  if (status.members.length < 2) return null;
  return (
    <section className="panel" aria-labelledby="members-title" id="members">
      <header className="panel-head">
        <h2 id="members-title">Members</h2>
        <p className="hint">The figures on this page are those of the process that shows it</p>
      </header>
      <div className="scroll" tabIndex={0} role="region" aria-label="Members">
        <table className="list">
          <thead><tr><th scope="col">Process</th><th scope="col">Console</th><th scope="col">Runs</th></tr></thead>
          <tbody>
            {status.members.map((member) => (
              <tr key={member.id} data-member={member.id}>
                <th scope="row">
                  <bdi>{member.id}</bdi>{member.leads && " · leads"}{member.id === status.member.id && " · this one"}
                </th>
                <td>{member.address && <a href={member.address}>{member.address}</a>}</td>
                <td>{member.runs.length > 0 ? member.runs.join(", ") : "nothing"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
