// Writes points in time relative to now; the full local time stays as a tooltip.

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export function writeTimes() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const moment = new Date(element.dateTime);
    const seconds = Math.round((moment - Date.now()) / 1000);
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
    element.textContent = Math.abs(seconds) < 10 ? "just now" : relative.format(Math.trunc(seconds / size), unit);
    element.title = moment.toLocaleString();
  }
}
