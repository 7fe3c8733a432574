// The service's errors (problem+json) in words.

export async function problemOf(response) {
  try {
    const problem = await response.json();
    return { detail: problem.detail ?? problem.title, errors: problem.errors ?? [] };
  } catch {
    return { detail: `The service answered with status ${response.status}.`, errors: [] };
  }
}

export const unreachable = { detail: "The service does not answer. Nothing was changed.", errors: [] };

export function showProblem(problem) {
  const place = document.querySelector("#problem");
  place.textContent = problem.detail;
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}

export function hideProblem() {
  document.querySelector("#problem").hidden = true;
}
