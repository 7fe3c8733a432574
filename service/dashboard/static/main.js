// Starts the parts that the page has. Everything is also there, if still, without JavaScript.

import { watch } from "./live.js";
import { writeTimes } from "./times.js";
import { drawFigures } from "./figures.js";
import { listenForActions } from "./actions.js";

watch();
writeTimes();
setInterval(writeTimes, 20_000);
drawFigures();
listenForActions();

if (document.querySelector("#what-if")) import("./what_if.js");
if (document.querySelector("#new-study")) import("./new_study.js");

document.addEventListener("spnas:refreshed", () => {
  writeTimes();
  drawFigures();
});
