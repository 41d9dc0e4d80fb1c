import { expect, it } from "vitest";
import type { Event } from "./gen/api";
import { historyLength, nothingYet, reduce, type Live } from "./live";

function event(started: string, fetched: number, lag = 0): Event {
  const rates = { fetched, acknowledged: 0, processed: 0, stored: 0, rejected: 0 };
  return { status: { started, rates, totals: { ...rates, lag } }, sources: [], queries: [], dags: [], graphs: {} } as unknown as Event;
}
const after = (events: Event[], from: Live = nothingYet) =>
  events.reduce((live, one, index) => reduce(live, { kind: "event", event: one, now: (index + 1) * 1000 }), from);

it("is live with the first event", () => {
  const live = after([event("a", 5, 7)]);
  expect(live.connection).toBe("live");
  expect(live.history.fetched).toEqual([5]);
  expect(live.history.lag).toEqual([7]);
  expect(live.times).toEqual([1]);
});
it("keeps a bounded history, oldest first", () => {
  const live = after(Array.from({ length: historyLength + 3 }, (_, index) => event("a", index)));
  expect(live.history.fetched).toHaveLength(historyLength);
  expect(live.times).toHaveLength(historyLength);
  expect(live.history.fetched[0]).toBe(3);
});
it("begins anew when the program was restarted", () => {
  const live = after([event("b", 9)], after([event("a", 1), event("a", 2)]));
  expect(live.history.fetched).toEqual([9]);
});
it("keeps what it knows when the connection is lost", () => {
  const live = reduce(after([event("a", 1)]), { kind: "lost" });
  expect(live.connection).toBe("lost");
  expect(live.event).not.toBeNull();
  expect(after([event("a", 2)], live).connection).toBe("live");
});
it("says why it was turned away, until an event comes", () => {
  const live = reduce(nothingYet, { kind: "refused", why: "too many" });
  expect(live.refusal).toBe("too many");
  expect(after([event("a", 1)], live).refusal).toBe("");
});
