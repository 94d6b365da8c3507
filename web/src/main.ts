// The explorer: one bundle, one shell, a page by its address.

import { fill, h } from "./dom";
import { cascadePage } from "./pages/cascade";
import { designPage } from "./pages/design";
import { explorePage } from "./pages/explore";
import { learnPage } from "./pages/learn";
import { taxonomyPage } from "./pages/taxonomy";
import { problem, problemBox } from "./problem";
import { startTheme } from "./theme";

const PAGES: Readonly<Record<string, readonly [title: string, page: (main: HTMLElement) => Promise<void>]>> = {
  "/cascade": ["Cascade", cascadePage],
  "/design": ["Design", designPage],
  "/explore": ["Explore", explorePage],
  "/taxonomy": ["Taxonomy", taxonomyPage],
  "/learn": ["Learn", learnPage],
};

async function start(): Promise<void> {
  const main = document.getElementById("main");
  const toggle = document.getElementById("theme");
  if (!main || !toggle) return;
  startTheme(toggle);
  const path = location.pathname.replace(/\/+$/, "") || "/cascade";
  const [title, page] = PAGES[path] ?? ["Cascade", cascadePage];
  document.title = `${title} · fusemax`;
  document.querySelectorAll("nav a").forEach((link) => {
    if (link.getAttribute("href") === path) link.setAttribute("aria-current", "page");
  });
  try {
    await page(main);
  } catch (trouble) {
    const box = problemBox();
    fill(main, h("h1", {}, title), box);
    problem(box, trouble);
  }
  document.documentElement.dataset["ready"] = "true";
}

void start();
