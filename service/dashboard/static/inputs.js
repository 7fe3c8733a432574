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

// Text that could mean two things.
export class UnclearError extends Error {}

// One target is a number, several are a list. In "60,5" the comma may part two targets or be a decimal comma: neither is guessed.
function readTargets(text) {
  if (text === "") return undefined;
  if (/\d,\d/.test(text)) {
    throw new UnclearError("could be one target or several: write 60.5 for one, and 60, 80 with a space for two");
  }
  const targets = text.split(",").map((part) => part.trim()).map((part) => (part === "" || isNaN(part) ? part : Number(part)));
  return targets.length === 1 ? targets[0] : targets;
}
