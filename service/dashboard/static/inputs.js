// Reads an input as the JSON value that the service expects.

// A number that is none is sent as it was written, so that the service says what is wrong; an empty one is left out.
export function readInput(input) {
  const text = input.value.trim();
  if (input.dataset.kind === "tags") return text.split(",").map((tag) => tag.trim()).filter(Boolean);
  if (input.dataset.kind === "targets") return readTargets(text);
  if (input.dataset.kind === "choice") return text === "true";
  if (input.dataset.kind !== "number") return input.value;
  if (text === "" && !input.validity.badInput) return undefined;
  return text === "" ? "not a number" : Number(text);
}

// One target is a number, several with commas between them are a list.
function readTargets(text) {
  if (text === "") return undefined;
  const targets = text.split(",").map((part) => part.trim()).map((part) => (part === "" || isNaN(part) ? part : Number(part)));
  return targets.length === 1 ? targets[0] : targets;
}
