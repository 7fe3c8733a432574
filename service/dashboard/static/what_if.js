// The slider that asks for the best finished trial at another target.

import { problemOf } from "./problems.js";

const section = document.querySelector("#what-if");
const slider = document.querySelector("#what-if-target");
const answer = document.querySelector("#what-if-answer");
let latest = 0;

slider.addEventListener("input", async () => {
  const target = Number(slider.value);
  document.querySelector("#what-if-value").textContent = target.toFixed(1);
  document.querySelector("#retarget-target").value = target;
  const request = ++latest;
  try {
    const response = await fetch(`${section.dataset.best}?target_runtime_ms=${target}`);
    if (request !== latest) return; // the slider has moved on
    if (response.ok) show(await response.json());
    else answer.textContent = (await problemOf(response)).detail;
  } catch {
    answer.textContent = "The service does not answer.";
  }
});

function show(best) {
  const link = document.createElement("a");
  link.href = section.dataset.trialUrl + best.number;
  link.textContent = `trial ${best.number}`;
  const outcome = `λ ${Number(best.lambda.toPrecision(3))}, ${(100 * best.accuracy).toFixed(1)} % accuracy, ` +
    `${best.runtime_ms.toFixed(1)} ms, reward ${best.reward.toFixed(4)}.`;
  answer.replaceChildren("The best is ", link, `: ${outcome}`);
}
