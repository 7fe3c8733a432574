// Reads an input as the JSON value that the service expects.

// A number that is none is sent as it was written, so that the service says what is wrong; an empty one is left out.
export function readInput(input) {
  const text = input.value.trim();
  if (input.dataset.kind === "tags") return text.split(",").map((tag) => tag.trim()).filter(Boolean);
  if (input.dataset.kind !== "number") return input.value;
  if (text === "" && !input.validity.badInput) return undefined;
  return text === "" ? "not a number" : Number(text);
}
