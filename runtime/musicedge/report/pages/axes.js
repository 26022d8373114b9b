/* Axes of charts: where the ticks stand, and how they are drawn. */
"use strict";

const TIME_STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];

/* Ticks of a time axis from `start` to `end` in seconds, no closer than `apart` on `width` pixels. */
function timeTicks(start, end, width, apart = 60) {
  const least = ((end - start) * apart) / Math.max(width, 1);
  const step = TIME_STEPS.find((each) => each >= least) ?? Math.ceil(least / 14400) * 14400;
  const ticks = [];
  for (let tick = Math.ceil(start / step); tick * step <= end + 1e-6; tick++) {
    ticks.push(tick * step);
  }
  return ticks;
}

/* A time axis along the lower edge of a plot; `x` makes a place of seconds. */
function timeAxis(start, end, width, top, x) {
  const ticks = timeTicks(start, end, width);
  const tenths = ticks.some((tick) => tick % 1);
  return draw(
    "g",
    { class: "axis" },
    ...ticks.flatMap((tick) => [
      draw("line", { class: "frame", x1: x(tick), x2: x(tick), y1: top, y2: top + 4 }),
      draw("text", { x: x(tick), y: top + 16, "text-anchor": "middle" }, clock(tick, tenths)),
    ]),
  );
}

/* Values on the left edge of a plot and their lines across it; `y` makes a place of a value. */
function valueAxis(values, left, right, y, words = String) {
  return draw(
    "g",
    { class: "axis" },
    ...values.flatMap((value) => [
      draw("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
      draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, words(value)),
    ]),
  );
}
