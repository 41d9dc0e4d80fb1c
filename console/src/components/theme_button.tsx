import { useState } from "react";
import { Icon } from "./icons";

type Theme = "system" | "light" | "dark";
const next: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const icons = { system: "half", light: "sun", dark: "moon" } as const;

function stored(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "system";
}

export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(stored);
  const change = () => {
    const chosen = next[theme];
    setTheme(chosen);
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    try {
      if (chosen === "system") localStorage.removeItem("penstock.theme");
      else localStorage.setItem("penstock.theme", chosen);
    } catch {
      // No storage: it holds until the page is left.
    }
  };
  return (
    <button type="button" className="icon-button" onClick={change} title={`Colours: ${theme}`}
      aria-label={`Colours: ${theme}. Change to ${next[theme]}`}>
      <Icon name={icons[theme]} size={18} />
    </button>
  );
}
