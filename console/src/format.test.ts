import { describe, expect, it } from "vitest";
import { formatAge, formatBytes, formatCount, formatDuration, formatRate, formatShort, formatSpan, formatState } from "./format";

describe("formatShort", () => {
  it.each([
    [0, "0"], [7, "7"], [3.54, "3.5"], [950, "950"], [999, "999"], [1000, "1.00k"], [12_345, "12.3k"], [123_456, "123k"],
    [999_949, "1000k"], [999_950, "1.00M"], [4_560_000, "4.56M"], [2_000_000_000, "2.00G"], [-1500, "-1.50k"],
  ])("%d is %s", (value, text) => expect(formatShort(value)).toBe(text));
});

describe("formatRate", () => {
  it("shows no noise", () => expect(formatRate(0.01)).toBe("0/s"));
  it("carries its unit", () => expect(formatRate(66.66)).toBe("66.7/s"));
});

describe("formatBytes", () => {
  it.each([[0, "0 B"], [1023, "1023 B"], [1024, "1.0 KiB"], [1_048_570, "1.0 MiB"], [3 * 1024 ** 3, "3.0 GiB"]])(
    "%d is %s", (value, text) => expect(formatBytes(value)).toBe(text));
});

describe("formatDuration", () => {
  it.each([
    [-5, "0 ms"], [850, "850 ms"], [12_300, "12.3 s"], [59_999, "1 min"], [250_000, "4 min 10 s"], [7_500_000, "2 h 5 min"],
    [266_400_000, "3 d 2 h"],
  ])("%d is %s", (value, text) => expect(formatDuration(value)).toBe(text));
});

describe("formatAge", () => {
  const now = Date.parse("2026-02-01T12:00:00Z");
  it.each([
    ["2026-02-01T12:00:03Z", "now"], ["2026-02-01T11:59:55Z", "5 s"], ["2026-02-01T11:57:00Z", "3 min"],
    ["2026-02-01T09:00:00Z", "3 h"], ["2026-01-28T12:00:00Z", "4 d"], ["not a time", ""],
  ])("%s is %s", (time, text) => expect(formatAge(time, now)).toBe(text));
});

describe("the rest", () => {
  it("groups thousands", () => expect(formatCount(1234567)).toBe("1,234,567"));
  it("writes states as words", () => expect(formatState("up_for_retry")).toBe("up for retry"));
  it("lets a span run until now", () =>
    expect(formatSpan("2026-02-01T12:00:00Z", null, Date.parse("2026-02-01T12:00:02Z"))).toBe("2.0 s"));
  it("gives no span to what has not begun", () => expect(formatSpan(null, null, 0)).toBe(""));
});
