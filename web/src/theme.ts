// Light and dark: what the system prefers, unless chosen here; the choice is kept for the next page.

const KEY = "fusemax-theme";

export function startTheme(toggle: HTMLElement): void {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = (): boolean => (root.dataset["theme"] ? root.dataset["theme"] === "dark" : system.matches);
  const label = (): void => {
    toggle.textContent = dark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", dark() ? "Use light colours" : "Use dark colours");
    root.dataset["dark"] = String(dark());
  };
  const kept = read();
  if (kept === "light" || kept === "dark") root.dataset["theme"] = kept;
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    root.dataset["theme"] = dark() ? "light" : "dark";
    keep(root.dataset["theme"]);
    label();
  });
  system.addEventListener("change", label);
  label();
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden; the choice then lasts for one page
  }
}

function keep(theme: string): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // as above
  }
}
