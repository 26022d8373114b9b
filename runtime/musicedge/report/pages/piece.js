/* The whole piece: its waveform over its log-mel, on the time axis of the timeline below them. */
"use strict";

const PIECE = { wave: 70, gap: 10, levels: 150, below: 22 };

function piece(data, width) {
  const { overview, window: here, borders, decibels } = data;
  const isNarrow = width < NARROW;
  const left = TIMELINE.left;
  const right = isNarrow ? 8 : TIMELINE.right;
  const inner = Math.max(width - left - right, 20);
  const rows = borders.length - 1;
  const peaks = unpacked(overview.peaks);
  const levels = unpacked(overview.levels);
  const x = (seconds) => left + (inner * seconds) / overview.seconds;
  const top = PIECE.wave + PIECE.gap;
  const bottom = top + PIECE.levels;
  const colours = ramp("--low", "--high");
  const svg = draw("svg", {
    width,
    height: bottom + PIECE.below,
    role: "img",
    class: "piece",
    "aria-label":
      `Waveform and log-mel spectrogram of ${clock(overview.seconds)}; the moment that is ` +
      `explained, ${clock(here.start)} to ${clock(here.end)}, is framed.`,
  });
  const wave = { x: left, y: 0, width: inner, height: PIECE.wave };
  const box = {
    x: left,
    y: top,
    width: (inner * (levels.length / rows) * overview.column) / overview.seconds,
    height: PIECE.levels,
  };
  const frame = { x: x(here.start), width: x(here.end) - x(here.start), height: bottom };
  const clip = draw("clipPath", { id: "inside" }, draw("rect", { ...box, width: inner }));
  svg.append(
    clip,
    draw("path", { class: "wave", d: wavePath(peaks, overview, x) }),
    draw("rect", { class: "frame", ...wave }),
    waveAxis(left),
    draw("g", { "clip-path": "url(#inside)" }, levelImage(levels, rows, colours, box)),
    draw("rect", { class: "frame", ...box, width: inner }),
    hertzAxis(borders, left, top, PIECE.levels),
    timeAxis(0, overview.seconds, inner, bottom, x),
    draw("rect", { class: "here", y: 0, ...frame }),
  );
  if (!isNarrow) {
    svg.append(levelKey(colours, decibels, left + inner + 10, top, PIECE.levels));
  }
  return svg;
}

/* The lowest and the highest sample of each column as one outline. */
function wavePath(peaks, { column }, x) {
  const y = (byte) => PIECE.wave * (1 - byte / 255);
  const columns = peaks.length / 2;
  const upper = [];
  const lower = [];
  for (let index = 0; index < columns; index++) {
    const middle = x((index + 0.5) * column).toFixed(1);
    upper.push(`${middle},${(y(peaks[2 * index + 1]) - 0.3).toFixed(1)}`);
    lower.push(`${middle},${(y(peaks[2 * index]) + 0.3).toFixed(1)}`);
  }
  return `M${upper.join("L")}L${lower.reverse().join("L")}Z`;
}

function waveAxis(left) {
  const places = { 1: 9, 0: PIECE.wave / 2 + 4, "−1": PIECE.wave };
  return draw(
    "g",
    { class: "axis" },
    ...Object.entries(places).map(([value, y]) =>
      draw("text", { x: left - 6, y, "text-anchor": "end" }, value),
    ),
    draw(
      "text",
      {
        transform: `translate(${left - 42},${PIECE.wave / 2}) rotate(-90)`,
        "text-anchor": "middle",
      },
      "waveform",
    ),
  );
}
