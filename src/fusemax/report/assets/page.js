"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const views = new Map(); // identifier of a chart -> its view
  const drawn = new Map(); // identifier of a chart -> [accounting, width] it was drawn for
  const ink = "currentColor";
  const theme = {
    background: null,
    axis: { labelColor: ink, titleColor: ink, domainColor: "#888", tickColor: "#888" },
    header: { labelColor: ink, titleColor: ink },
    legend: { labelColor: ink, titleColor: ink },
    title: { color: ink, subtitleColor: ink },
    text: { color: ink },
  };

  const merged = (a, b) => {
    const result = { ...a };
    for (const [key, value] of Object.entries(b)) {
      const nested = value && typeof value === "object" && !Array.isArray(value);
      result[key] = nested ? merged(result[key] || {}, value) : value;
    }
    return result;
  };

  // A specification that fits a width: panels move below each other rather than shrink past reading.
  const fitted = (given, width) => {
    const spec = structuredClone(given);
    delete spec.title; // the caption says it
    const narrow = width < 520;
    if (spec.facet && spec.spec) {
      const axis = 62, gap = 24, least = 170;
      let columns = spec.columns || 1;
      while (columns > 1 && (width - axis - gap * columns) / columns < least) columns -= 1;
      spec.columns = columns;
      spec.spec.width = Math.max(120, Math.min(spec.spec.width * 1.45, Math.floor((width - axis - gap * columns) / columns)));
    } else if (typeof spec.width === "number") {
      spec.width = Math.max(160, Math.min(spec.width * 1.3, width - 100));
    }
    spec.config = merged(spec.config || {}, theme);
    spec.config.legend.columns = narrow ? 2 : undefined;
    if (narrow) spec.config.legend.layout = { bottom: { direction: "vertical", anchor: "start" } }; // one below the other
    const visit = (node) => {
      if (!node || typeof node !== "object") return;
      if (node.legend && node.legend.columns && narrow) node.legend.columns = Math.min(node.legend.columns, 2);
      Object.entries(node).forEach(([key, value]) => { if (key !== "datasets" && key !== "values") visit(value); });
    };
    visit(spec);
    return spec;
  };

  const accounting = () => {
    const chosen = document.querySelector("input[name=accounting]:checked");
    return chosen ? chosen.value : "";
  };
  const shown = () => [...document.querySelectorAll("input[name=design]:checked")].map((box) => box.value);

  const setShown = (view) => {
    if (!view.getState({ signals: (name) => name === "shown" }).signals.shown) return undefined;
    return view.signal("shown", shown()).runAsync();
  };

  const draw = async (box) => {
    const identifier = box.dataset.chart;
    const variants = data.charts[identifier];
    const key = Object.hasOwn(variants, accounting()) ? accounting() : Object.keys(variants)[0];
    const width = Math.floor(box.clientWidth);
    const before = drawn.get(identifier);
    if (before && before[0] === key && before[1] === width) return;
    drawn.set(identifier, [key, width]);
    const note = document.getElementById("variant-" + identifier);
    const subtitle = variants[key].title && variants[key].title.subtitle;
    if (note) note.textContent = subtitle ? "(" + subtitle + ")" : "";
    try {
      if (views.has(identifier)) views.get(identifier).finalize();
      const spec = fitted(variants[key], width);
      const result = await window.vegaEmbed(box, spec, { renderer: "svg", actions: false, ast: true });
      views.set(identifier, result.view);
      await setShown(result.view);
      result.view.addEventListener("click", (event, item) => choose(identifier, item));
    } catch (error) {
      box.textContent = "This chart could not be drawn: " + error.message;
      box.classList.add("failed");
    }
  };

  const boxes = [...document.querySelectorAll(".chart")];
  const drawAll = async () => {
    for (const box of boxes) await draw(box);
    document.documentElement.dataset.drawn = "true";
  };

  // A click on a point whose row carries a text shows that text with a copy button; so does a list of them by keyboard.
  const choose = (identifier, item) => {
    const text = item && item.datum && item.datum.text;
    const place = document.getElementById("chosen-" + identifier);
    if (!place || typeof text !== "string") return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Copy";
    button.addEventListener("click", () => copy(text, button));
    const code = document.createElement("pre");
    code.tabIndex = 0;
    code.textContent = text;
    place.replaceChildren(button, code);
    place.hidden = false;
  };

  const listed = (box) => {
    const spec = Object.values(data.charts[box.dataset.chart])[0];
    const named = Object.values(spec.datasets || {}).flat().filter((row) => row && typeof row.text === "string" && row.point !== "beaten");
    if (!named.length) return;
    const select = document.createElement("select");
    select.append(new Option("Choose a point", ""));
    for (const [i, row] of named.entries()) select.append(new Option([row.design, row.inputs || row.label || row.text.slice(0, 60)].filter(Boolean).join(", "), i));
    select.addEventListener("change", () => choose(box.dataset.chart, { datum: named[select.value] }));
    const label = document.createElement("label");
    label.className = "pick";
    label.append("Text of ", select);
    box.after(label);
  };

  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea"); // pages opened from disk may have no clipboard
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  document.querySelectorAll("button.copy").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(document.getElementById(button.dataset.copy).textContent, button));
  });

  const save = (name, blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const cell = (value) => {
    if (value === null || value === undefined) return "unknown";
    const text = String(value);
    return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  const rowsOf = ({ texts, rows }) => rows.map((row) => row.map((value, i) => (texts[i].length ? texts[i][value] : value)));
  const csv = (columns, rows) => [columns, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
  const everything = () => {
    const rows = (list) => list.map((row) => Object.fromEntries(row.map((value, i) => [data.columns[i], value])));
    const results = Object.fromEntries(Object.entries(data.results).map(([name, list]) => [name, rows(rowsOf(list))]));
    const specs = (captions, i) => captions.map((caption, j) => [caption, data.charts[`section-${i}-${j}`][""]]);
    const sections = data.document.sections.map((one, i) => ({ ...one, charts: Object.fromEntries(specs(one.charts, i)) }));
    return JSON.stringify({ ...data.document, results, sections }, null, 1) + "\n";
  };
  document.querySelectorAll("button.download").forEach((button) => button.addEventListener("click", () => {
    const { form, results, table } = button.dataset;
    const saveRows = (name, columns, rows) => save(name + ".csv", new Blob([csv(columns, rows)], { type: "text/csv" }));
    if (table !== undefined) {
      const rows = data.document.sections[table].table;
      const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
      const plain = (value) => (value && typeof value === "object" ? value.value : value);
      const cells = rows.map((row) => columns.map((column) => (column in row ? plain(row[column]) : "")));
      saveRows(data.files[table], columns, cells);
    } else if (form === "csv") saveRows("results-" + results, data.columns, rowsOf(data.results[results]));
    else save("results.json", new Blob([everything()], { type: "application/json" }));
  }));
  document.querySelectorAll("button.save").forEach((button) => button.addEventListener("click", async () => {
    const { chart, form } = button.dataset;
    const view = views.get(chart);
    if (!view) return;
    if (form === "svg") {
      const text = (await view.toSVG()).replaceAll(ink, "#000");
      save(chart + ".svg", new Blob([text], { type: "image/svg+xml" }));
    } else {
      const before = view.background();
      view.background("#ffffff");
      const canvas = await view.toCanvas(2);
      view.background(before);
      canvas.toBlob((blob) => save(chart + ".png", blob));
    }
  }));

  document.querySelectorAll("input[name=accounting]").forEach((radio) => radio.addEventListener("change", drawAll));
  document.querySelectorAll("input[name=design]").forEach((box) =>
    box.addEventListener("change", () => { for (const view of views.values()) setShown(view); }));

  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => {
    toggle.textContent = dark() ? "Light" : "Dark";
    toggle.setAttribute("aria-pressed", String(Boolean(root.dataset.theme)));
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();

  boxes.forEach(listed);

  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 200); });
  drawAll();
})();
