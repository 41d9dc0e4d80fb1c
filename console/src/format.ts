// Numbers and times as people read them.

const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 1,234,567 */
export function formatCount(value: number): string {
  return count.format(value);
}

/** 950, 12.3k, 4.56M: at most five characters. */
export function formatShort(value: number): string {
  const size = Math.abs(value);
  for (const [limit, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    // 999,950 would be rounded to 1000.0k
    if (size >= limit * 0.99995) {
      const scaled = value / limit;
      return `${scaled.toFixed(Math.abs(scaled) < 9.995 ? 2 : Math.abs(scaled) < 99.95 ? 1 : 0)}${unit}`;
    }
  }
  return Number.isInteger(value) || size >= 100 ? value.toFixed(0) : value.toFixed(1);
}

/** 0/s, 3.5/s, 12.3k/s */
export function formatRate(perSecond: number): string {
  return perSecond < 0.05 ? "0/s" : `${formatShort(perSecond)}/s`;
}

/** 0 B, 1.5 KiB, 3.0 GiB */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let size = bytes;
  while (size >= 1023.95 && unit < units.length - 1) {
    size /= 1024;
    ++unit;
  }
  return `${unit === 0 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`;
}

/** 850 ms, 12.3 s, 4 min 10 s, 2 h 5 min, 3 d 2 h */
export function formatDuration(ms: number): string {
  if (ms < 0) return "0 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return two(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.floor(minutes / 60);
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

function two(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`;
}

/** How long ago: now, 5 s, 3 min, 2 h, 4 d. A clock that is a little ahead reads as now. */
export function formatAge(time: string, now: number): string {
  const ms = now - Date.parse(time);
  if (Number.isNaN(ms)) return "";
  if (ms < 1000) return "now";
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** 2026-01-31 23:59:59 in the viewer's own time zone. */
export function formatTime(time: string | null): string {
  if (!time) return "–";
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** up_for_retry -> up for retry */
export function formatState(state: string): string {
  return state.replaceAll("_", " ");
}

/** Between two times, or until now when it has not ended; empty when it has not begun. */
export function formatSpan(started: string | null, ended: string | null, now: number): string {
  if (!started) return "";
  return formatDuration((ended ? Date.parse(ended) : now) - Date.parse(started));
}
