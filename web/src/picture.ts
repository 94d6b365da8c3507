// SVG pictures the server drew, kept in a shadow tree: their style sheets must not reach the page, nor the page's them.

import { fill, h, scroll } from "./dom";

const STYLE = `
  :host { display: block; }
  svg { display: block; filter: var(--picture-filter, none); } /* dark pages turn the colours round */
  g.link { cursor: pointer; }
  g.link:hover > rect, g.link:focus-visible > rect { stroke: #0b57c2; stroke-width: 3; }
  g.link:focus { outline: none; }
`;

/** The SVG element of a text, or null if it is none; scripts and links to elsewhere are dropped. */
export function parsed(text: string): SVGSVGElement | null {
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (!(root instanceof SVGSVGElement)) return null;
  root.querySelectorAll("script, foreignObject, a, image, use").forEach((element) => { element.remove(); });
  return document.importNode(root, true);
}

/** A picture in a box that scrolls. `chosen` hears the first line of a node's tooltip when it is clicked. */
export function picture(label: string, text: string, chosen?: (title: string) => void): HTMLElement {
  const drawing = parsed(text);
  if (!drawing) return h("p", { class: "note" }, "No picture.");
  const host = h("div", { class: "picture" });
  const style = document.createElement("style");
  style.textContent = STYLE;
  const shadow = host.attachShadow({ mode: "open" });
  shadow.append(style, drawing);
  if (chosen) drawing.querySelectorAll("g").forEach((group) => { link(group, chosen); });
  return scroll(label, host);
}

function link(group: SVGGElement, chosen: (title: string) => void): void {
  const title = group.querySelector(":scope > title")?.textContent.split("\n")[0];
  if (!title) return;
  group.classList.add("link");
  group.addEventListener("click", () => { chosen(title); });
}

/** A drawing that takes its colours from the page around it, in a box that scrolls. */
export function drawing(label: string, text: string): HTMLElement {
  const found = parsed(text);
  const box = scroll(label);
  fill(box, found ?? h("p", { class: "note" }, "No picture."));
  return box;
}
