// Learn: five steps from Cascade 1 to Cascade 5, one at a time; the address keeps the step.

import { get } from "../api";
import { button, fill, h, say, scroll, type Child } from "../dom";
import { count } from "../format";
import { picture } from "../picture";
import { toFragment } from "../share";
import type { Step } from "../types";

export async function learnPage(main: HTMLElement): Promise<void> {
  const { steps } = await get<{ steps: Step[] }>("/api/learn.json");
  const place = h("article", { id: "lesson" });
  const items = steps.map((step, i) => h("li", {}, h("a", { href: `#${String(i + 1)}` }, step.title)));
  const show = async (spoken: boolean): Promise<void> => {
    const at = Math.min(Math.max(Number(location.hash.slice(1)) || 1, 1), steps.length);
    const step = steps[at - 1];
    if (!step) return;
    items.forEach((item, i) => {
      if (i + 1 === at) item.firstElementChild?.setAttribute("aria-current", "step");
      else item.firstElementChild?.removeAttribute("aria-current");
    });
    const link = `/cascade#${await toFragment({ text: step.cascade })}`;
    fill(place, lesson(step, at, steps.length, link));
    if (spoken) {
      place.querySelector("h2")?.focus();
      say(step.title);
    }
  };
  fill(
    main,
    h("h1", {}, "Learn"),
    h("p", { class: "lead" }, "From a toy of two Einsums to the one-pass attention of FuseMax and FlashAttention-2, in five steps."),
    h("ol", { class: "steps" }, items),
    place,
  );
  addEventListener("hashchange", () => void show(true));
  await show(false);
}

function lesson(step: Step, at: number, of: number, link: string): Child[] {
  const passes = `${count(step.passes, "pass", "passes")}${step.rank ? ` over ${step.rank}` : ""}`;
  const why = step.why?.replace(`${step.name}: `, "") ?? passes;
  const go = (to: number): void => { location.hash = String(to); };
  return [
    h("h2", { tabindex: -1 }, step.title),
    h("div", { class: "columns" },
      h("div", { class: "column" },
        step.prose.split(/\n\s*\n/).map((paragraph) => h("p", {}, inline(paragraph))),
        h("p", { class: "headline" }, h("strong", {}, why)),
        scroll("The cascade", h("pre", {}, step.cascade)),
        step.look ? h("p", {}, inline(step.look)) : null,
        h("p", {}, h("a", { href: link }, "Open in the editor")),
      ),
      step.svg ? h("div", { class: "column" }, picture("Picture of the cascade", step.svg)) : null,
    ),
    h("div", { class: "bar" },
      button("← Back", () => { go(at - 1); }, { disabled: at === 1 }),
      button("Next →", () => { go(at + 1); }, { disabled: at === of, class: "primary" }),
    ),
  ];
}

/** Words with `code` in backquotes. */
const inline = (text: string): Child[] => text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));
