// Keeps a page up to date: learns that something changed, by events where the service has them and else by asking
// for the study with its ETag, then fetches the page again and swaps the parts that differ.

const ACTIVE_MS = 2_000;
const IDLE_MS = 5_000;

const shown = new Map();
let refreshing = null;

export function watch() {
  for (const part of document.querySelectorAll("[data-live]")) shown.set(part.id, part.outerHTML);
  const { watchStudy, watchEvents } = document.body.dataset;
  if (watchEvents) listen(watchEvents, watchStudy);
  else if (watchStudy) poll(`/v1/studies/${watchStudy}`, refresh);
  else if ("watchPage" in document.body.dataset) poll(location.href, refresh);
}

function listen(url, study) {
  const source = new EventSource(url);
  source.onopen = () => setConnected(true);
  source.onmessage = () => refresh();
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
    poll(`/v1/studies/${study}`, refresh);
  };
}

function poll(url, onChange) {
  let tag = null;
  const ask = async () => {
    if (document.visibilityState === "visible") {
      try {
        const headers = tag ? { "If-None-Match": tag } : {};
        const response = await fetch(url, { cache: "no-store", headers });
        setConnected(true);
        const known = tag;
        tag = response.headers.get("ETag") ?? tag;
        if (response.ok && known !== null && known !== tag) await onChange();
      } catch {
        setConnected(false);
      }
    }
    setTimeout(ask, document.querySelector(".state.running") ? ACTIVE_MS : IDLE_MS);
  };
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
  ask();
}

export function refresh() {
  refreshing ??= swap().finally(() => { refreshing = null; });
  return refreshing;
}

async function swap() {
  const response = await fetch(location.href, { cache: "no-cache", headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const before = document.querySelector("#study-state")?.textContent;
  for (const part of page.querySelectorAll("[data-live]")) replace(part);
  const after = document.querySelector("#study-state")?.textContent;
  if (before !== after) document.querySelector("#announce").textContent = `The study is now ${after.trim()}.`;
  document.dispatchEvent(new Event("spnas:refreshed"));
}

function replace(part) {
  const html = part.outerHTML;
  const old = document.getElementById(part.id);
  if (!old || shown.get(part.id) === html) return;
  shown.set(part.id, html);
  const open = [...old.querySelectorAll("details")].map((details) => details.open);
  const checked = [...old.querySelectorAll("input:checked")].map((input) => input.id);
  const focused = old.contains(document.activeElement) ? focusPath(document.activeElement) : null;
  const fresh = document.importNode(part, true);
  old.replaceWith(fresh);
  fresh.querySelectorAll("details").forEach((details, index) => { details.open = open[index] ?? false; });
  checked.forEach((id) => { const input = document.getElementById(id); if (input) input.checked = true; });
  if (focused) fresh.querySelector(focused)?.focus({ preventScroll: true });
}

function focusPath(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.getAttribute("href")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  if (element.getAttribute("popovertarget")) return `[popovertarget="${element.getAttribute("popovertarget")}"]`;
  return null;
}

function setConnected(isConnected) {
  document.querySelector("#connection").hidden = isConnected;
}
