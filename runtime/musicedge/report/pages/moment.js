/* The moment: the map on the spectrogram, and beside them what each band and moment is worth. */
"use strict";

const MOMENT = { left: 62, bars: 96, gap: 8, levels: 320, moments: 60, below: 40 };

/* The moment as an SVG; `of` is the map that is shown. */
function moment(data, of, isCovered, width) {
  const { borders, rows, seconds, levels } = data;
  const isNarrow = width < NARROW;
  const withBars = of === data.of;
  const left = MOMENT.left;
  const right = withBars ? MOMENT.bars * (isNarrow ? 0.6 : 1) + MOMENT.gap : 8;
  const inner = Math.max(width - left - right, 20);
  const [start, end] = [seconds[0], seconds[seconds.length - 1]];
  const x = (time) => left + (inner * (time - start)) / (end - start);
  const y = (row) => MOMENT.levels * (1 - row / (borders.length - 1));
  const bottom = MOMENT.levels;
  const barsTop = bottom + 24;
  const svg = draw("svg", {
    width,
    height: bottom + (withBars ? MOMENT.moments + 24 : 0) + MOMENT.below,
    role: "img",
    class: "moment",
    "aria-label":
      `What speaks for ${of} from ${clock(start)} to ${clock(end)}, over the log-mel ` +
      "spectrogram. The table of bands and moments holds what each is worth.",
  });
  const box = { x: left, y: 0, width: inner, height: MOMENT.levels };
  const greys = ramp("--quiet", "--loud");
  svg.append(levelImage(unpacked(levels), borders.length - 1, greys, box));
  if (isCovered) {
    svg.append(mapCells(data.maps[of], data, x, y));
  }
  svg.append(
    draw("rect", { class: "frame", ...box }),
    hertzAxis(borders, left, 0, MOMENT.levels),
    timeAxis(start, end, inner, bottom, x),
  );
  if (withBars) {
    const worths = [...data.bands, ...data.moments].map((part) => data.value - part.without);
    const most = Math.max(...worths.map(Math.abs), 0.01);
    svg.append(
      bandBars(data, rows, most, left + inner + MOMENT.gap, right - MOMENT.gap, y),
      momentBars(data, most, x, barsTop),
    );
  }
  svg.append(
    draw(
      "text",
      {
        x: left + inner / 2,
        y: bottom + (withBars ? MOMENT.moments + 24 : 0) + 34,
        "text-anchor": "middle",
      },
      withBars ? "time, min:s; below it what each moment is worth" : "time, min:s",
    ),
  );
  return svg;
}

/* The cells of a map: the stronger, the less can be seen through them. The strongest fiftieth look
   alike, so that one cell far above the others does not make these pale. */
function mapCells(map, { seconds, hertz, rows }, x, y) {
  const strengths = map
    .flat()
    .map(Math.abs)
    .sort((one, other) => one - other);
  const most = Math.max(strengths[Math.floor(0.98 * (strengths.length - 1))], 1e-9);
  const cells = draw("g", { class: "map" });
  map.forEach((bands, moment) =>
    bands.forEach((value, band) => {
      const strength = Math.min(Math.abs(value) / most, 1);
      const place =
        `${span(seconds[moment], seconds[moment + 1])}, ` +
        hertzWords(hertz[band], hertz[band + 1]);
      const cell = draw(
        "rect",
        {
          class: value > 0 ? "for" : "against",
          x: x(seconds[moment]),
          y: y(rows[band + 1]),
          width: x(seconds[moment + 1]) - x(seconds[moment]),
          height: y(rows[band]) - y(rows[band + 1]),
        },
        draw("title", {}, `${place}: ${value.toFixed(3)} in log-odds`),
      );
      cell.style.fillOpacity = (0.9 * strength).toFixed(3);
      cells.append(cell);
    }),
  );
  return cells;
}

function bandBars({ bands, value }, rows, most, left, width, y) {
  const middle = left + width / 2;
  const group = draw(
    "g",
    { class: "bands" },
    draw("line", {
      class: "frame",
      x1: middle,
      x2: middle,
      y1: y(rows[rows.length - 1]),
      y2: y(0),
    }),
  );
  bands.forEach(({ start, end, without }, band) => {
    const length = ((value - without) / most) * (width / 2);
    group.append(
      draw(
        "rect",
        {
          class: `worth ${length > 0 ? "for" : "against"}`,
          x: Math.min(middle, middle + length),
          y: y(rows[band + 1]) + 1,
          width: Math.abs(length),
          height: Math.max(y(rows[band]) - y(rows[band + 1]) - 2, 1),
        },
        draw("title", {}, `${hertzWords(start, end)}: ${without.toFixed(2)} without it`),
      ),
    );
  });
  group.append(
    draw(
      "text",
      { x: middle, y: y(0) + 16, "text-anchor": "middle" },
      `worth, ±${most.toFixed(2)}`,
    ),
  );
  return group;
}

function momentBars({ moments, value }, most, x, top) {
  const middle = top + MOMENT.moments / 2;
  const last = moments[moments.length - 1];
  const group = draw(
    "g",
    { class: "moments" },
    draw("line", {
      class: "frame",
      x1: x(moments[0].start),
      x2: x(last.end),
      y1: middle,
      y2: middle,
    }),
  );
  for (const { start, end, without } of moments) {
    const length = ((value - without) / most) * (MOMENT.moments / 2);
    group.append(
      draw(
        "rect",
        {
          class: `worth ${length > 0 ? "for" : "against"}`,
          x: x(start) + 1,
          y: Math.min(middle, middle - length),
          width: Math.max(x(end) - x(start) - 2, 1),
          height: Math.abs(length),
        },
        draw("title", {}, `${span(start, end)}: ${without.toFixed(2)} without it`),
      ),
    );
  }
  return group;
}

function hertzWords(low, high) {
  return high < 1000
    ? `${low.toFixed(0)}–${high.toFixed(0)} Hz`
    : `${(low / 1000).toFixed(1)}–${(high / 1000).toFixed(1)} kHz`;
}

/* Bands and moments as tables. */
function partTables({ bands, moments, value }) {
  const table = (title, parts, words) =>
    make(
      "table",
      { class: "parts" },
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          make("th", { scope: "col" }, title),
          make("th", { scope: "col", class: "number" }, "value without it"),
          make("th", { scope: "col", class: "number" }, "worth"),
        ),
      ),
      make(
        "tbody",
        {},
        ...parts.map((part) =>
          make(
            "tr",
            {},
            make("td", {}, words(part.start, part.end)),
            make("td", { class: "number" }, decimals(part.without)),
            make("td", { class: "number" }, decimals(value - part.without)),
          ),
        ),
      ),
    );
  return [table("band", bands, hertzWords), table("moment", moments, span)];
}
