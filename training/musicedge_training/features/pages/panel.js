/* One picture of a song: values over time in colours, or a curve, with its axes and the beats. */
"use strict";

const PLOT = { left: 62, right: 58, top: 8, below: 38 };
const HEIGHTS = { frequency: 190, "pitch class": 204, tempo: 170, strength: 80 };
const TEMPI = [30, 40, 60, 80, 120, 160, 240];
const SPREAD = 2400; // columns of a picture whose own may be of different lengths
const APART = 6; // pixels between lines on beats, at least

/* A panel of a song as an SVG of that width. */
function panelPicture(panel, song, pitchClasses, width) {
  const height = HEIGHTS[panel.axis];
  const inner = Math.max(width - PLOT.left - PLOT.right, 20);
  const x = (seconds) => PLOT.left + (inner * seconds) / song.seconds;
  const bottom = PLOT.top + height;
  const rows = panel.borders.length - 1;
  const colours = ramp("--low", "--high");
  const box = { x: PLOT.left, y: PLOT.top, width: inner, height };
  const svg = draw("svg", {
    width,
    height: bottom + PLOT.below,
    role: "img",
    "aria-label": `${panel.title} of ${song.title}. ${panelWords(panel)}`,
  });
  const levels = unpacked(panel.levels);
  if (panel.axis === "strength") {
    svg.append(curve(levels, panel, x, bottom, height));
    const y = (value) => bottom - (height * value) / panel.limits[1];
    const values = [0, panel.limits[1] / 2, panel.limits[1]];
    svg.append(
      valueAxis(values, PLOT.left, PLOT.left + inner, y, (value) => value.toFixed(0)),
      sideLabel("strength, dB", height),
    );
  } else {
    const repeat = Math.ceil(height / rows);
    const columns = spread(levels, rows, repeat, panel.times, song.seconds);
    svg.append(levelImage(columns, rows * repeat, colours, box));
    const words = panel.unit === "dB" ? decibelWords : (value) => value.toFixed(0);
    const keyLeft = PLOT.left + inner + 8;
    svg.append(
      panelAxis(panel, pitchClasses, height),
      levelKey(colours, panel.limits, keyLeft, PLOT.top, height, words),
    );
  }
  svg.append(
    draw("rect", { class: "frame", ...box }),
    timeAxis(0, song.seconds, inner, bottom, x),
    draw(
      "text",
      { x: PLOT.left + inner / 2, y: bottom + 32, "text-anchor": "middle" },
      "time, min:s",
    ),
  );
  if (panel.with_beats) {
    svg.append(beatLines(song.beats, inner, x, bottom));
  }
  if (panel.axis === "tempo" && song.tempo !== null) {
    const y = bottom - (height * rowOf(song.tempo, panel.borders)) / rows;
    svg.append(draw("line", { class: "tempo", x1: PLOT.left, x2: PLOT.left + inner, y1: y, y2: y }));
  }
  return svg;
}

/* What a panel's axes and colours are, for who does not see them. */
function panelWords({ axis, unit, limits }) {
  const [low, high] = limits.map((value) => value.toFixed(0));
  return axis === "strength"
    ? `A curve over time, from ${low} to ${high} ${unit}.`
    : `Time from left to right, ${axis} from low to high, colours from ${low} to ${high} (${unit}).`;
}

/* Levels whose columns begin and end at `times`, as columns of equal length over the whole song;
   each row is repeated, so that its borders stay sharp. */
function spread(levels, rows, repeat, times, seconds) {
  const count = Math.max(SPREAD, times.length - 1);
  const tall = rows * repeat;
  const result = new Uint8Array(count * tall);
  let column = 0;
  for (let index = 0; index < count; index++) {
    const middle = ((index + 0.5) * seconds) / count;
    while (column < times.length - 2 && times[column + 1] <= middle) {
      column++;
    }
    for (let row = 0; row < tall; row++) {
      result[index * tall + row] = levels[column * rows + Math.floor(row / repeat)];
    }
  }
  return result;
}

function curve(levels, { times }, x, bottom, height) {
  const points = Array.from(levels, (level, index) => {
    const middle = (times[index] + times[index + 1]) / 2;
    return `${x(middle).toFixed(1)},${(bottom - (height * level) / 255).toFixed(1)}`;
  });
  return draw("path", { class: "curve onsets", d: `M${points.join("L")}` });
}

/* Lines on the beats, on every second or fourth and so on where they would be too close. */
function beatLines(beats, inner, x, bottom) {
  let step = 1;
  while ((beats.length / step) * APART > inner) {
    step *= 2;
  }
  const lines = beats.filter((_, index) => index % step === 0);
  const words = step === 1 ? "a line a beat" : `a line every ${step} beats`;
  return draw(
    "g",
    { class: "beats" },
    ...lines.map((beat) => draw("line", { x1: x(beat), x2: x(beat), y1: PLOT.top, y2: bottom })),
    beats.length
      ? draw("text", { x: x(0) + inner, y: bottom + 32, "text-anchor": "end" }, words)
      : null,
  );
}

function panelAxis({ axis, borders }, pitchClasses, height) {
  const place = [PLOT.left, PLOT.top, height];
  if (axis === "frequency") {
    return hertzAxis(borders, ...place);
  }
  if (axis === "tempo") {
    return rowAxis(borders, TEMPI, String, "tempo, beats a minute", ...place);
  }
  const middles = pitchClasses.map((_, index) => index + 0.5);
  return rowAxis(borders, middles, (row) => pitchClasses[row - 0.5], "pitch class", ...place);
}

function sideLabel(words, height) {
  const place = `translate(${PLOT.left - 42},${PLOT.top + height / 2}) rotate(-90)`;
  return draw("text", { transform: place, "text-anchor": "middle" }, words);
}
