// Drawn here, as the console asks no other host for anything.
import type { GraphNode } from "../gen/api";

const paths: Record<string, string> = {
  source: "M12 3v10m0 0 4-4m-4 4L8 9M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3",
  topic: "M4 6h16M4 12h16M4 18h10",
  query: "M4 5h16l-6 7v6l-4 2v-8z",
  table: "M4 5h16v14H4zM4 10h16M10 10v9",
  dag: "M6 4v6m0 0a2 2 0 1 0 0 4 2 2 0 0 0 0-4Zm0 4v6M18 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4Zm0 0c0 4-10 2-10 5",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "m5 12 5 5L19 7",
  close: "M6 6l12 12M18 6 6 18",
  play: "M8 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  refresh: "M20 11a8 8 0 1 0-2 6m2-12v6h-6",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.4 1.4m11.2 11.2L19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  moon: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5Z",
  half: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  warning: "M12 4 2.5 20h19zM12 10v5m0 2.5v.1",
  chevron: "m9 6 6 6-6 6",
};

export function Icon({ name, size = 16 }: { name: keyof typeof paths | GraphNode["kind"]; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2"
      strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
