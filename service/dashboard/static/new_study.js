// The form for a new study: checked by the service while it is filled in, then sent to the REST API.

import { readInput } from "./inputs.js";
import { problemOf, unreachable } from "./problems.js";

const CHECK_MS = 300;
const form = document.querySelector("#new-study");
const cost = document.querySelector("#cost");
const formError = document.querySelector("#form-error");
const button = form.querySelector("button.primary");
const options = document.querySelector("#field-solver");
let timer = 0;
let latest = 0;
let sent = { body: "", key: "" };

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(check, CHECK_MS);
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  await create();
});
check();

function readSpec() {
  const spec = { solver: { ...readOptions(), kind: form.elements.solver.value } };
  for (const input of form.querySelectorAll("[data-path]")) {
    const value = readAt(input);
    if (value === undefined) continue;
    const path = input.dataset.path.split(".");
    const last = path.pop();
    path.reduce((object, part) => (object[part] ??= {}), spec)[last] = value;
  }
  return spec;
}

function readAt(input) {
  try {
    return readInput(input);
  } catch (error) {
    throw Object.assign(error, { field: input.dataset.path });
  }
}

// The solver's options; what is no JSON object is a SyntaxError.
function readOptions() {
  const text = options.value.trim();
  if (text === "") return {};
  const value = JSON.parse(text);
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new SyntaxError("it must be an object {...}");
  return value;
}

function specOrNull() {
  try {
    return readSpec();
  } catch (error) {
    const { field, message } = error;
    showErrors([field ? { field, message } : { field: "solver", message: `is not JSON: ${message}` }]);
    latest += 1; // an answer to an earlier check must not wipe this
    cost.textContent = "";
    return null;
  }
}

async function check() {
  const spec = specOrNull();
  if (spec === null) return;
  const request = ++latest;
  try {
    const response = await fetch("/studies/check", post(spec));
    if (request !== latest || !response.ok) return;
    const result = await response.json();
    showErrors(result.errors);
    cost.textContent = result.cost ?? "";
  } catch {
    cost.textContent = "";
  }
}

async function create() {
  const spec = specOrNull();
  if (spec === null) return void focusFirstError();
  clearTimeout(timer);
  button.disabled = true;
  const problem = await sendSpec(spec);
  button.disabled = false;
  if (!problem) return;
  latest += 1; // an answer to an earlier check must not wipe these errors
  showErrors(problem.errors);
  if (problem.errors.length === 0) formError.textContent = problem.detail;
  focusFirstError();
}

// Creates the study and goes to its page; or says what is wrong.
async function sendSpec(spec) {
  try {
    const response = await fetch("/v1/studies", post(spec, { "Idempotency-Key": keyFor(JSON.stringify(spec)) }));
    if (!response.ok) return await problemOf(response);
    location.assign(`/studies/${(await response.json()).id}`);
    return null;
  } catch {
    return unreachable;
  }
}

// The same key for the same body: sent again after a lost answer, it makes no second study.
function keyFor(body) {
  if (sent.body !== body) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    sent = { body, key: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") };
  }
  return sent.key;
}

function post(spec, headers = {}) {
  return { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(spec) };
}

function showErrors(errors) {
  const unplaced = [];
  for (const place of form.querySelectorAll(".field-error")) place.textContent = "";
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const { field, message } of errors) {
    const input = inputOf(field);
    if (!input) {
      unplaced.push(`${field}: ${message}`);
      continue;
    }
    input.setAttribute("aria-invalid", "true");
    const place = document.getElementById(`${input.id}-error`);
    const words = input === options && field !== "solver" ? `${field}: ${message}` : message;
    place.textContent = place.textContent ? `${place.textContent}; ${words}` : words;
  }
  formError.textContent = unplaced.join("; ");
}

// The input of a field; of a group, its last one; of anything below the solver, its options.
function inputOf(field) {
  if (field.split(".")[0] === "solver") return options;
  const paths = [...form.querySelectorAll("[data-path]")];
  return paths.find((input) => input.dataset.path === field) ?? paths.findLast((input) =>
    input.dataset.path.startsWith(`${field}.`) || field.startsWith(`${input.dataset.path}.`));
}

function focusFirstError() {
  form.querySelector("[aria-invalid]")?.focus();
}
