// Buttons and small forms that change something through the REST API.

import { readInput } from "./inputs.js";
import { refresh, rest } from "./live.js";
import { hideProblem, problemOf, showProblem, unreachable } from "./problems.js";

export function listenForActions() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-send], [data-dialog], [data-close]");
    if (!button) return;
    if (button.dataset.dialog) openDialog(document.getElementById(button.dataset.dialog));
    else if ("close" in button.dataset) button.closest("dialog").close();
    else if (!button.dataset.confirm || await confirmed(button)) await send(button);
  });
  for (const form of document.querySelectorAll("form[data-patch], form[data-post]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (form.dataset.post) post(form);
      else patch(form);
    });
  }
}

function openDialog(dialog) {
  dialog.querySelectorAll("[data-error]").forEach((place) => { place.textContent = ""; });
  dialog.showModal();
}

function confirmed(button) {
  const dialog = document.querySelector("#confirm");
  dialog.querySelector("#confirm-text").textContent = button.dataset.confirm;
  dialog.querySelector("#confirm-yes").textContent = button.dataset.yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function send(button) {
  const [method, url] = button.dataset.send.split(" ");
  button.disabled = true;
  hideProblem();
  const next = button.dataset.next;
  let isLeaving = false;
  try {
    if (next) await rest(true);
    const response = await fetch(url, { method });
    isLeaving = response.ok && Boolean(next);
    if (isLeaving) return void location.assign(next);
    if (!response.ok) showProblem(await problemOf(response));
    await refresh();
  } catch {
    showProblem(unreachable);
  } finally {
    if (next && !isLeaving) rest(false);
    button.disabled = false;
  }
}

async function patch(form) {
  const inputs = [...form.querySelectorAll("[name]")];
  const changed = inputs.filter((input) => input.value !== input.defaultValue);
  const dialog = form.closest("dialog");
  if (changed.length === 0) return void dialog.close();
  // What is emptied is unset; the service says where that may not be.
  const changes = Object.fromEntries(changed.map((input) => [input.name, readInput(input) ?? null]));
  const { problem } = await sendJson("PATCH", form.dataset.patch, changes);
  if (problem) return void showFieldErrors(form, problem);
  for (const input of changed) input.defaultValue = input.value;
  dialog.close();
  await refresh();
}

// Makes something and goes to its page.
async function post(form) {
  const button = form.querySelector("button:not([type])");
  const fields = [...form.querySelectorAll("[name]")].map((input) => [input.name, readInput(input)]);
  button.disabled = true;
  const { problem, made } = await sendJson("POST", form.dataset.post, Object.fromEntries(fields));
  button.disabled = false;
  if (problem) showFieldErrors(form, problem);
  else location.assign(form.dataset.next + made.id);
}

async function sendJson(method, url, body) {
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
    return response.ok ? { made: await response.json() } : { problem: await problemOf(response) };
  } catch {
    return { problem: unreachable };
  }
}

function showFieldErrors(form, problem) {
  for (const place of form.querySelectorAll("[data-error]")) {
    const own = problem.errors.filter((error) => error.field === place.dataset.error);
    place.textContent = own.map((error) => error.message).join("; ");
  }
  const isPlaced = problem.errors.some((error) => form.querySelector(`[data-error="${CSS.escape(error.field)}"]`));
  if (!isPlaced) form.querySelector('[data-error=""]').textContent = problem.detail;
}
