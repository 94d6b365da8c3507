// Elements built from parts: text stays text, so that nothing a user types can become markup.

export type Child = Node | string | number | null | undefined | false | readonly Child[];
type Value = string | number | boolean | null | undefined | ((event: never) => void);
export type Attributes = Readonly<Record<string, Value>>;

const SVG = "http://www.w3.org/2000/svg";

function append(parent: Element | DocumentFragment, child: Child): void {
  if (child === null || child === undefined || child === false) return;
  if (child instanceof Node) parent.append(child);
  else if (typeof child === "string" || typeof child === "number") parent.append(String(child));
  else for (const one of child) append(parent, one);
}

function dress(element: Element, attributes: Attributes, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as (event: Event) => void);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
}

/** An HTML element; attributes named `onclick` and the like are listeners, false leaves an attribute out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  dress(element, attributes, children);
  return element;
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  dress(element, attributes, children);
  return element;
}

/** The parent with these children and no others. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** Says a short result to screen readers. */
export function say(text: string): void {
  const place = document.getElementById("spoken");
  if (place) place.textContent = text;
}

/**
 * A table with a caption that is read out, inside a box that scrolls and can be reached by keyboard. One that `stacks` has the
 * cells of a row one below the other on a narrow screen, each with the name of its column.
 */
export function table(
  caption: string, heads: readonly string[], rows: readonly (readonly Child[])[], numeric: readonly number[] = [], stacks = false, quiet: readonly number[] = [],
): HTMLElement {
  const kind = (i: number): Attributes => ({ class: numeric.includes(i) ? "number" : null });
  const label = (i: number): Attributes => (stacks ? { "data-label": heads[i] } : {});
  const body = rows.map((row) => h("tr", {}, row.map((cell, i) => h("td", { ...kind(i), ...label(i) }, cell))));
  const name = (text: string, i: number): Child => (quiet.includes(i) ? h("span", { class: "spoken" }, text) : text);
  const head = h("tr", {}, heads.map((text, i) => h("th", { scope: "col", ...kind(i) }, name(text, i))));
  return scroll(caption, h("table", { class: stacks ? "stacks" : null }, h("caption", { class: "spoken" }, caption), h("thead", {}, head), h("tbody", {}, body)));
}

export function scroll(label: string, ...children: Child[]): HTMLElement {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, children);
}

export function button(text: string, onclick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", onclick, ...attributes }, text);
}

/** A label and its field, one above the other. */
export function field(text: Child, input: HTMLElement, note: Child = null): HTMLLabelElement {
  return h("label", { class: "field" }, h("span", {}, text), input, note);
}

export function select(names: readonly string[], chosen: string, onchange: (name: string) => void, attributes: Attributes = {}): HTMLSelectElement {
  const options = names.map((name) => h("option", { value: name, selected: name === chosen }, name));
  const box = h("select", { ...attributes, onchange: () => { onchange(box.value); } }, options);
  return box;
}
