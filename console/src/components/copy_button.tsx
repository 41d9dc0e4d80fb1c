import { useEffect, useState } from "react";
import { Icon } from "./icons";

/** Where the clipboard is closed to pages without TLS on other hosts, the old way is taken. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <button type="button" className="icon-button" title={`Copy ${what}`} aria-label={done ? `Copied ${what}` : `Copy ${what}`}
      onClick={() => copy(text).then(() => setDone(true), () => setDone(false))}>
      <Icon name={done ? "check" : "copy"} size={14} />
    </button>
  );
}
