// Draws the figures, makes tables sortable, and follows the reader's light or dark scheme.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const CONFIG = { displayModeBar: false, responsive: true, showTips: false };
const figures = [...document.querySelectorAll("figure.figure")];

/** A Plotly template in the colours of the page's style. */
function theme() {
  const style = getComputedStyle(document.documentElement);
  const [text, line, surface, low, middle, high] =
    ["text", "line", "surface", "low", "middle", "high"].map((name) => style.getPropertyValue(`--${name}`).trim());
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, fixedrange: true, automargin: true };
  return {
    layout: {
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: text },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: surface, bordercolor: text, font: { color: text }, align: "left", namelength: -1 },
      legend: {
        orientation: "h", x: 0, yref: "container", y: 1, yanchor: "top", traceorder: "normal",
        itemclick: false, itemdoubleclick: false,
      },
      margin: { l: 60, r: 16, t: 56, b: 52 },
      dragmode: false,
      xaxis: axis,
      yaxis: axis,
    },
    data: { heatmap: [{ autocolorscale: false, colorscale: [[0, low], [0.5, middle], [1, high]] }] },
  };
}

/** The rows of a heat map's trace: one for each of its columns. */
function transposed(trace) {
  return [
    ["", ...trace.y],
    ...trace.x.map((name, at) => [name, ...trace.z.map((row) => String(row[at]))]),
  ];
}

/** Fills a figure's table; texts are set as text, never as HTML. */
function fillNumbers(box, choice) {
  const rows = choice.numbers.length ? choice.numbers : transposed(choice.data[0]);
  const table = document.createElement("table");
  rows.forEach((row, at) => {
    const line = (at ? table.tBodies[0] ?? table.createTBody() : table.createTHead()).insertRow();
    row.forEach((text, column) => {
      const cell = document.createElement(at && column ? "td" : "th");
      if (cell.tagName === "TH") cell.scope = at ? "row" : "col";
      if (column && /^[-+]?[\d,.]+$/.test(text)) cell.className = "number";
      cell.textContent = text;
      line.append(cell);
    });
  });
  box.replaceChildren(table);
}

// A figure is drawn when it comes near, so that a page of many layers opens as fast as one of few.
const undrawn = new Map();
const near = new IntersectionObserver(
  (entries) => entries.filter((one) => one.isIntersecting).forEach((one) => undrawn.get(one.target)?.()),
  { rootMargin: "600px" },
);
addEventListener("beforeprint", () => undrawn.forEach((draw) => draw()));

for (const figure of figures) {
  const choices = JSON.parse(figure.querySelector("script").textContent);
  const plot = figure.querySelector(".plot");
  const select = figure.querySelector("select");
  const details = figure.querySelector("details");
  const chosen = () => choices[select ? Number(select.value) : 0];
  // A legend wraps where there is little room, and would take it from the bars.
  const reserve = () => {
    const { data, layout } = chosen();
    const height = layout.height + (plot.clientWidth < 560 && data.length > 2 ? 16 * data.length : 0);
    plot.style.height = `${height}px`;
    return height;
  };
  const draw = () => {
    near.unobserve(figure);
    undrawn.delete(figure);
    const { data, layout } = chosen();
    const height = reserve();
    Plotly.react(plot, data, { ...layout, height, template: theme() }, CONFIG);
  };
  const showNumbers = () => details.open && fillNumbers(details.querySelector(".scroll"), chosen());
  details.addEventListener("toggle", showNumbers);
  select?.addEventListener("change", () => { draw(); showNumbers(); });
  dark.addEventListener("change", () => undrawn.has(figure) || draw());
  reserve();
  undrawn.set(figure, draw);
  near.observe(figure);
}

// What scrolls can be scrolled by keys; what does not is no stop for them.
const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const box = target.closest(".scroll");
    box.tabIndex = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight ? 0 : -1;
  }
});
for (const box of document.querySelectorAll(".scroll")) {
  resized.observe(box);
  if (box.firstElementChild) resized.observe(box.firstElementChild);
}

(async () => {
  const text = atob(document.getElementById("tables-module").textContent);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  const { default: DataTable, set_or_remove_dark_class } = await import(url);
  URL.revokeObjectURL(url);
  set_or_remove_dark_class();
  for (const table of document.querySelectorAll("table.sortable")) {
    const columnDefs = [{ targets: "_all", orderSequence: ["desc", "asc"] }];
    new DataTable(table, { paging: false, info: false, searching: false, autoWidth: false, order: [], columnDefs });
  }
})();
