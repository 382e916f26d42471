"use strict";
// Tables sort by their columns, curves follow the controls, a run is shown with its cells.

function sortValue(cell) {
  const text = cell.textContent.trim();
  if (!cell.classList.contains("number")) return text.toLowerCase();
  const number = parseFloat(text.replace(/^<\s*/, "-").replace("∞", "Infinity"));
  return Number.isNaN(number) ? text.toLowerCase() : number;
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  const said = table.closest("figure").querySelector(".sorted");
  heads.forEach((head, column) => {
    head.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [sortValue(row.cells[column]), row]);
      rows.sort(([a], [b]) => {
        if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
        return (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1);
      });
      rows.forEach(([, row]) => body.append(row));
      const which = table.caption ? `${table.caption.textContent}: ` : "";
      said.textContent = `${which}sorted by ${head.textContent.trim()}, ${up ? "ascending" : "descending"}`;
    });
  });
}

function model(name) {
  for (const doc of window.Bokeh ? Bokeh.documents : []) {
    const found = doc.get_model_by_name(name);
    if (found) return found;
  }
  return null;
}

// A figure has both scales of each axis: what is shown is chosen here, see `_figure` in curves.py.
function rescale(figure, clock, regret) {
  const [log, linear, ...ends] = figure.tags;
  figure.x_scale = clock === "log" ? log : linear;
  figure.y_scale = regret === "log" ? log : linear;
  for (const [axes, scale] of [[figure.below, clock], [figure.left, regret]]) {
    axes[0].visible = scale === "log";
    axes[1].visible = scale === "linear";
  }
  for (const grid of figure.center) grid.visible = grid.axis.visible;
  const [start, end] = regret === "log" ? ends.slice(0, 2) : ends.slice(2);
  figure.y_range.setv({ start, end, reset_start: start, reset_end: end });
  for (const { glyph, data_source } of figure.renderers) {
    const clipped = regret === "log" || !data_source.columns().includes("true_y");
    const column = (name) => ({ field: clipped ? name : `true_${name}` });
    if (glyph.y1) glyph.setv({ y1: column("low"), y2: column("high") });
    else glyph.y = column("y");
  }
}

function setUp(section) {
  const { prefix, suffix } = section.dataset;
  const boxes = [...section.querySelectorAll("input[type=checkbox]")];
  let shown = null;
  function show() {
    const pick = (what) => section.querySelector(`input[name^="${what}-"]:checked`)?.value;
    const parts = ["kind", "dataset", "clock"].map(pick).filter((one) => one !== undefined);
    const figure = model(`${[prefix, ...parts].join("-")}${suffix}`);
    const scales = [pick("scale") ?? "log", pick("regret") ?? "log"];
    if (shown && shown !== figure) shown.visible = false;
    if (figure) {
      if (String(scales) !== (figure.scaled ?? "log,log")) rescale(figure, ...scales);
      figure.scaled = String(scales);
      const off = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
      for (const drawn of figure.renderers) drawn.visible = !off.has(drawn.name);
      figure.visible = true;
      section.dataset.shown = figure.name;
    }
    shown = figure;
  }
  section.addEventListener("change", show);
  show();
}

function element(tag, attributes, ...children) {
  const svg = ["svg", "path", "circle", "text", "title"].includes(tag);
  const made = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Decisions called "i->j" are edges between nodes; any others are listed.
function drawCell(decisions, codes) {
  const edges = decisions.map(([name, choices], place) => {
    const ends = name.match(/^(\d+)\D+(\d+)$/);
    return { name, operation: choices[codes.charCodeAt(place) - 48], ends: ends && [+ends[1], +ends[2]] };
  });
  const words = edges.map((edge) => `${edge.name}: ${edge.operation}`).join(", ");
  if (!edges.every((edge) => edge.ends)) return element("p", {}, words);
  const step = 150;
  const nodes = 1 + Math.max(...edges.map((edge) => edge.ends[1]));
  const svg = element("svg", {
    class: "cell", role: "img", viewBox: `0 0 ${step * (nodes - 1) + 40} 190`,
  }, element("title", {}, words));
  for (const { operation, ends: [from, to] } of edges) {
    const a = 20 + step * from + 10, b = 20 + step * to - 10, middle = (a + b) / 2;
    const far = to - from - 1;
    const bend = far === 0 ? 0 : (from === 0 ? -1 : 1) * (far === 1 ? 70 : 130);
    const style = operation === "none" ? "none" : "";
    svg.append(element("path", { d: `M${a} 100 Q${middle} ${100 + bend} ${b} 100`, class: style }));
    svg.append(element("text", {
      x: middle, y: 100 + bend / 2 - 4, "text-anchor": "middle", class: style,
    }, operation));
  }
  for (let node = 0; node < nodes; node += 1) {
    svg.append(element("circle", { cx: 20 + step * node, cy: 100, r: 9 }));
    svg.append(element("text", { x: 20 + step * node, y: 104, "text-anchor": "middle" }, node));
  }
  return svg;
}

function setUpRuns(section) {
  const data = JSON.parse(section.querySelector("script").textContent);
  const [row, seed] = [section.querySelector(".row"), section.querySelector(".seed")];
  const place = section.querySelector(".run");
  data.rows.forEach((one, number) => {
    if (one.seeds.length) row.append(element("option", { value: number }, one.label));
  });
  function fill() {
    const one = data.rows[row.value];
    seed.replaceChildren(
      ...one.seeds.map((number, at) => element("option", { value: at }, number)),
    );
    show();
  }
  function show() {
    const run = data.rows[row.value].runs[seed.value];
    const clocks = (counted, seconds) => (data.timed ? [counted, seconds] : [counted]);
    const names = [...clocks("evaluations", "seconds"), "cell", ...data.columns];
    const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name)));
    const body = element("tbody", {});
    for (let at = 0; at < run.length; at += 3) {
      const numbers = data.cells[run[at + 2]].slice(1);
      const texts = [...clocks(run[at], run[at + 1]), run[at + 2], ...numbers.map((x) => x ?? "–")];
      body.append(element("tr", {},
        ...texts.map((text) => element("td", { class: "number" }, String(text)))));
    }
    const last = data.cells[run.at(-1)][0];
    const caption = element("caption", {}, element("span", {}, `Incumbents of the run, ${data.metric}`));
    place.replaceChildren(
      element("div", { class: "wide" },
        element("table", {}, caption, element("thead", {}, head), body)),
      element("p", {}, `Final cell ${run.at(-1)}:`),
      data.decisions ? drawCell(data.decisions, last) : element("p", {}, last),
    );
    fit();
  }
  row.addEventListener("change", fill);
  seed.addEventListener("change", show);
  if (row.options.length) fill();
}

document.querySelectorAll(".runs").forEach(setUpRuns);

// Boxes that are wider than the page put intervals below their values. Those that are still wider
// say that they scroll, and can be reached by keys.
function fit() {
  const boxes = [...document.querySelectorAll(".wide")];
  const over = (box) => box.scrollWidth > box.clientWidth;
  boxes.forEach((box) => box.classList.remove("tight", "scrolls"));
  const tight = new Set(boxes.filter(over).map((box) => box.parentElement));
  boxes.forEach((box) => box.classList.toggle("tight", tight.has(box.parentElement)));
  const scroll = boxes.map(over);
  boxes.forEach((box, at) => {
    box.classList.toggle("scrolls", scroll[at]);
    if (scroll[at]) box.setAttribute("tabindex", 0);
    else box.removeAttribute("tabindex");
  });
}

fit();
addEventListener("resize", fit);
document.addEventListener("toggle", fit, true);

// Paper cannot be clicked, and Bokeh draws no figure anew for its width.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
  for (const section of document.querySelectorAll(".curves")) {
    const shown = model(section.dataset.shown);
    const view = shown && Bokeh.index.find_one(shown);
    if (!view) continue;
    const { canvas } = view.export("png");
    canvas.className = "printed";
    section.querySelector(".printed")?.remove();
    section.querySelector(".plots").after(canvas);
  }
});

(function whenDrawn(tries) {
  if (window.Bokeh && Bokeh.documents.length) {
    document.querySelectorAll(".curves").forEach(setUp);
  } else if (tries) {
    setTimeout(() => whenDrawn(tries - 1), 50);
  }
})(200);
