// Keeps a page up to date: learns that something changed, from the service's events or else by asking for the study
// with its ETag, then fetches the page again and swaps the parts that differ.

const PAUSE_MS = 1_000; // between two refreshes
const ACTIVE_MS = 2_000; // between two questions while something runs
const IDLE_MS = 5_000;
const DUE_MS = 1_500; // until what is being worked out is asked for again

const shown = new Map();
let source = null;
let isPolling = false;
let refreshing = null;
let isStale = false;
let isRefreshing = false;
let isResting = false;
let dueTimer = 0;

export function watch() {
  for (const part of document.querySelectorAll("[data-live]")) shown.set(part.id, part.outerHTML);
  awaitWhatIsDue();
  const { watchStudy: study, revision } = document.body.dataset;
  if (study) follow(study, Number(revision));
  else if ("watchPage" in document.body.dataset) poll(location.href);
}

// A hidden page holds no connection: browsers allow only six to a service.
function follow(study, known) {
  const open = () => {
    source = new EventSource(`/v1/studies/${study}/events`);
    source.onopen = () => {
      if (!document.querySelector("#connection").hidden) refreshSoon();
      setConnected(true);
    };
    source.onmessage = (event) => {
      const { revision } = JSON.parse(event.data);
      if (revision === known) return;
      known = revision;
      refreshSoon();
    };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return void setConnected(false); // it connects again by itself
      source = null;
      if (isPolling) return;
      poll(`/v1/studies/${study}`);
      refreshSoon();
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (isPolling) return;
    if (document.visibilityState === "visible") open();
    else source?.close();
  });
  if (document.visibilityState === "visible") open();
}

function poll(url) {
  isPolling = true;
  let tag = null;
  const ask = async () => {
    if (document.visibilityState === "visible") {
      try {
        const response = await fetch(url, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
        setConnected(true);
        if (response.status === 404) return; // deleted: what is shown stays, and nothing more comes
        const known = tag;
        tag = response.headers.get("ETag") ?? tag;
        if (response.ok && known !== null && known !== tag) refreshSoon();
      } catch {
        setConnected(false);
      }
    }
    setTimeout(ask, document.querySelector(".state.running") ? ACTIVE_MS : IDLE_MS);
  };
  ask();
}

// Changes that come thick and fast are shown together.
async function refreshSoon() {
  isStale = true;
  if (isRefreshing) return;
  isRefreshing = true;
  while (isStale && !isResting) {
    isStale = false;
    await refresh().catch(() => setConnected(false));
    await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
  }
  isRefreshing = false;
}

// What the service is still working out comes without any event: the page asks again until it is there.
function awaitWhatIsDue() {
  clearTimeout(dueTimer);
  if (!document.querySelector("[data-due]")) return;
  dueTimer = setTimeout(() => {
    if (document.visibilityState === "visible") refreshSoon();
    else awaitWhatIsDue();
  }, DUE_MS);
}

// Asks for nothing while what the page shows is being deleted, so that nothing is asked for that is gone.
export async function rest(isTrue) {
  isResting = isTrue;
  if (isTrue) await refreshing;
  else refreshSoon();
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
  awaitWhatIsDue();
  document.dispatchEvent(new Event("spnas:refreshed"));
}

function replace(part) {
  const html = part.outerHTML;
  const old = document.getElementById(part.id);
  if (!old || shown.get(part.id) === html) return;
  shown.set(part.id, html);
  const open = [...old.querySelectorAll("details")].map((details) => details.open);
  const checked = [...old.querySelectorAll("input:checked")].map((input) => input.id);
  const focused = old.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
  const fresh = document.importNode(part, true);
  old.replaceWith(fresh);
  fresh.querySelectorAll("details").forEach((details, index) => { details.open = open[index] ?? false; });
  for (const id of checked) document.getElementById(id)?.setAttribute("checked", "");
  if (focused) fresh.querySelector(focused)?.focus({ preventScroll: true });
}

// A selector that finds the element's successor in the new part.
function selectorOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  for (const name of ["href", "popovertarget", "aria-label", "aria-labelledby"]) {
    const value = element.getAttribute(name);
    if (value) return `${element.localName}[${name}="${CSS.escape(value)}"]`;
  }
  return null;
}

function setConnected(isConnected) {
  document.querySelector("#connection").hidden = isConnected;
}
