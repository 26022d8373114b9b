/* The check of a map: the value while cells are covered, in its order and in random ones. */
"use strict";

const CURVES = { left: 62, right: 12, height: 200, below: 84 };
const CURVE_NAMES = [
  ["deletion", "the map's first cells first", "var(--c3)", null],
  ["insertion", "the map's first cells last", "var(--c0)", "7 4"],
  ["mean", "random orders: mean and range", "var(--soft)", "2 3"],
];

function curveChart({ check, of }, width) {
  const inner = Math.max(Math.min(width, 620) - CURVES.left - CURVES.right, 20);
  const x = (share) => CURVES.left + inner * share;
  const y = (value) => CURVES.height * (1 - value) + 8;
  const column = (index) => check.random.map((curve) => curve[index]);
  const mean = check.covered.map(
    (_, index) => column(index).reduce((sum, value) => sum + value, 0) / check.random.length,
  );
  const points = (values) => values.map((value, index) => `${x(check.covered[index])},${y(value)}`);
  const upper = check.covered.map((_, index) => Math.max(...column(index)));
  const lower = check.covered.map((_, index) => Math.min(...column(index)));
  const svg = draw("svg", {
    width: inner + CURVES.left + CURVES.right,
    height: CURVES.height + CURVES.below + 8,
    role: "img",
    class: "check",
    "aria-label":
      `The value of ${of} while more and more cells are covered: by the map, against it, and in ` +
      "random orders. The table below holds the values.",
  });
  svg.append(
    valueAxis([0, 0.25, 0.5, 0.75, 1], x(0), x(1), y, (value) => value.toFixed(2)),
    draw("path", {
      class: "span",
      d: `M${points(upper).join("L")}L${points(lower).reverse().join("L")}Z`,
    }),
  );
  const values = { deletion: check.deletion, insertion: check.insertion, mean };
  CURVE_NAMES.forEach(([name, words, colour, dashes], index) => {
    const d = `M${points(values[name]).join("L")}`;
    const curve = draw("path", { class: `curve ${name}`, d, "stroke-dasharray": dashes });
    curve.style.stroke = colour;
    const height = CURVES.height + 48 + 16 * index;
    const sample = draw("path", {
      class: "curve",
      d: `M${CURVES.left},${height}h26`,
      "stroke-dasharray": dashes,
    });
    sample.style.stroke = colour;
    svg.append(curve, sample, draw("text", { x: CURVES.left + 32, y: height + 4 }, words));
  });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const words = percent(share);
    svg.append(draw("text", { x: x(share), y: y(0) + 16, "text-anchor": "middle" }, words));
  }
  svg.append(
    draw("text", { x: x(0.5), y: y(0) + 30, "text-anchor": "middle" }, "share of cells covered"),
    draw(
      "text",
      { transform: `translate(14,${y(0.5)}) rotate(-90)`, "text-anchor": "middle" },
      `value of ${of}`,
    ),
  );
  return svg;
}

function curveTable({ check }) {
  const head = [
    "covered",
    "map's first first",
    "map's first last",
    "random, lowest",
    "random, highest",
  ];
  const number = { class: "number" };
  return make(
    "table",
    {},
    make(
      "thead",
      {},
      make("tr", {}, ...head.map((name) => make("th", { scope: "col", ...number }, name))),
    ),
    make(
      "tbody",
      {},
      ...check.covered.map((share, index) => {
        const random = check.random.map((curve) => curve[index]);
        const values = [
          check.deletion[index],
          check.insertion[index],
          Math.min(...random),
          Math.max(...random),
        ];
        return make(
          "tr",
          {},
          make("td", number, percent(share)),
          ...values.map((value) => make("td", number, decimals(value))),
        );
      }),
    ),
  );
}
