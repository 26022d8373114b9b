/* Marks of genres: of seven colours and four shapes no two genres below 28 share both. */
"use strict";

const COLOURS = 7;
const SHAPES = [
  "M-1,0A1,1 0 1 1 1,0A1,1 0 1 1 -1,0Z",
  "M0,-1.15L1.1,0.85H-1.1Z",
  "M-0.9,-0.9H0.9V0.9H-0.9Z",
  "M0,-1.25L1.25,0L0,1.25L-1.25,0Z",
];

/* A genre's mark of radius `size` pixels at a place; -1 stands for no genre. */
function mark(genre, size, x, y) {
  const shape = draw("path", {
    d: SHAPES[genre < 0 ? 0 : genre % SHAPES.length],
    transform: `translate(${x.toFixed(1)},${y.toFixed(1)}) scale(${size})`,
    "vector-effect": "non-scaling-stroke",
  });
  shape.style.fill = genre < 0 ? "var(--soft)" : `var(--c${genre % COLOURS})`;
  return shape;
}

/* The mark as a small picture of its own, beside a genre's name. */
function markIcon(genre) {
  const shape = mark(genre, 5, 7, 7);
  shape.setAttribute("class", "mark");
  return draw("svg", { width: 14, height: 14, "aria-hidden": "true" }, shape);
}
