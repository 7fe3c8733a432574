// Draws the figures of the page with Plotly, each when it comes into view, in the colours of the page.

const figures = new Map(); // element -> { text, seen, stale }
const REDRAW_MS = 4_000;
const REST = 20; // a figure that took the service a second is not asked for again for so many
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 560px)");
const coarse = matchMedia("(pointer: coarse)");
// The figures' palette, lightened for a dark page. Its dark colours are made for white and for print.
const ON_DARK = { "#0072b2": "#4fa6e3", "#d55e00": "#f58a45", "#009e73": "#2fc398", "#b5649a": "#d68fc0" };
let plotly = null;
let lastReload = 0;
let slowest = 0;

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const state = figures.get(entry.target);
    if (!state) continue;
    state.seen = entry.isIntersecting;
    if (state.seen && state.stale) load(entry.target);
  }
}, { rootMargin: "200px" });

for (const query of [dark, narrow]) {
  query.addEventListener("change", () => figures.forEach((state, element) => state.text && draw(element)));
}

// Draws what is new on the page, and again what has changed since.
export function drawFigures() {
  for (const element of figures.keys()) {
    if (element.isConnected) continue;
    observer.unobserve(element);
    figures.delete(element);
  }
  for (const element of document.querySelectorAll("[data-figure]")) {
    if (figures.has(element)) continue;
    figures.set(element, { text: "", seen: false, stale: true });
    observer.observe(element);
  }
  reloadSoon();
}

let waiting = false;
function reloadSoon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    lastReload = Date.now();
    slowest = 0;
    figures.forEach((state, element) => {
      if (!state.text) return;
      state.stale = true;
      if (state.seen) load(element);
    });
  }, Math.max(0, lastReload + Math.max(REDRAW_MS, REST * slowest) - Date.now()));
}

async function load(element) {
  const state = figures.get(element);
  state.stale = false;
  loadPlotly().catch(() => {}); // beside the figure; draw says where it fails
  try {
    const begin = performance.now();
    const response = await fetch(element.dataset.figure, { cache: "no-cache" });
    slowest = Math.max(slowest, performance.now() - begin);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const text = await response.text();
    if (text === state.text) return;
    state.text = text;
    await draw(element);
  } catch (error) {
    if (!state.text) element.querySelector(".plot").textContent = `This figure could not be loaded (${error.message}).`;
  }
}

async function draw(element) {
  await loadPlotly();
  const plot = element.querySelector(".plot");
  const { data, layout } = themed(JSON.parse(colored(figures.get(element).text)));
  element.querySelector(".note").textContent = layout.meta?.note ?? "";
  if (!plot.classList.contains("js-plotly-plot")) plot.replaceChildren();
  const config = { responsive: true, displaylogo: false, displayModeBar: false };
  await window.Plotly.react(plot, data, layout, config);
  if (!plot.dataset.listening) {
    plot.dataset.listening = "yes";
    plot.on("plotly_click", (event) => openTrial(element, event.points[0]));
  }
}

function openTrial(element, point) {
  const number = Array.isArray(point.customdata) ? point.customdata[0] : null;
  if (point.data.meta === "trials" && number !== null && element.dataset.trialUrl) {
    location.assign(element.dataset.trialUrl + number);
  }
}

function colored(text) {
  return dark.matches ? text.replace(/#[0-9a-f]{6}/g, (color) => ON_DARK[color] ?? color) : text;
}

function themed(figure) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const layout = figure.layout;
  delete layout.title; // the page has a heading of its own
  layout.font = { color: color("--muted"), size: narrow.matches ? 11 : 13 };
  layout.hoverlabel = { bgcolor: color("--surface"), bordercolor: color("--line"), font: { color: color("--text") } };
  layout.margin = { l: narrow.matches ? 44 : 56, r: narrow.matches ? 8 : 16, t: layout.showlegend === false ? 12 : 40, b: 44 };
  if (coarse.matches) layout.dragmode = false; // so that a finger scrolls the page
  return figure;
}

function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.plotly;
    script.onload = resolve;
    script.onerror = () => reject(new Error("plotly.js is missing"));
    document.head.append(script);
  });
  return plotly;
}
