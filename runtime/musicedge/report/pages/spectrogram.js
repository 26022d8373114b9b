/* Log-mel levels as a picture, in colours that lie on a straight line in OKLab, and its axis. */
"use strict";

const HERTZ = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000];

/* The bytes of base64. */
function unpacked(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/* 256 colours, each [red, green, blue], from one OKLab colour of the style sheet to another.
   The numbers are Ottosson's, "A perceptual color space for image processing" (2020). */
function ramp(low, high) {
  const style = getComputedStyle(document.documentElement);
  const [from, to] = [low, high].map((name) =>
    style
      .getPropertyValue(name)
      .match(/-?[\d.]+/g)
      .slice(0, 3)
      .map(Number),
  );
  return Array.from({ length: 256 }, (_, index) => {
    const share = index / 255;
    const [lightness, a, b] = from.map((value, axis) => value + share * (to[axis] - value));
    const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
    return [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ].map((linear) => {
      const value = Math.min(Math.max(linear, 0), 1);
      return 255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
    });
  });
}

/* Levels, a byte each, in columns of `rows` bands from the lowest up, as an image element. */
function levelImage(levels, rows, colours, box) {
  const columns = levels.length / rows;
  const canvas = make("canvas", { width: columns, height: rows });
  const brush = canvas.getContext("2d");
  const picture = brush.createImageData(columns, rows);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const place = 4 * ((rows - 1 - row) * columns + column);
      picture.data.set([...colours[levels[column * rows + row]], 255], place);
    }
  }
  brush.putImageData(picture, 0, 0);
  const href = canvas.toDataURL();
  return draw("image", { href, preserveAspectRatio: "none", ...box });
}

/* The place of a value among the borders of rows: a whole number at each border. */
function rowOf(value, borders) {
  const after = borders.findIndex((border) => border > value);
  const before = borders[after - 1];
  return after - 1 + (value - before) / (borders[after] - before);
}

/* The frequency axis of a plot of `height` pixels. */
function hertzAxis(borders, left, top, height) {
  const words = (hertz) => (hertz < 1000 ? `${hertz}` : `${hertz / 1000}k`);
  return rowAxis(borders, HERTZ, words, "frequency, Hz", left, top, height);
}

/* The axis of a plot whose rows lie between borders; ticks for values, no closer than 16 pixels. */
function rowAxis(borders, values, words, label, left, top, height) {
  const last = borders.length - 1;
  const axis = draw("g", { class: "axis rows" });
  let above = Infinity;
  for (const value of values.filter((each) => each > borders[0] && each < borders[last])) {
    const y = top + height * (1 - rowOf(value, borders) / last);
    if (above - y >= 16) {
      above = y;
      axis.append(
        draw("line", { class: "frame", x1: left - 4, x2: left, y1: y, y2: y }),
        draw("text", { x: left - 7, y: y + 4, "text-anchor": "end" }, words(value)),
      );
    }
  }
  axis.append(
    draw(
      "text",
      {
        transform: `translate(${left - 42},${top + height / 2}) rotate(-90)`,
        "text-anchor": "middle",
      },
      label,
    ),
  );
  return axis;
}

/* What the colours mean, along the right edge of a plot. */
function levelKey(colours, [low, high], x, top, height, words = decibelWords) {
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => (255 * index) / 63);
  const box = { x, y: top, width: 10, height };
  return draw(
    "g",
    { class: "key" },
    levelImage(bytes, 64, colours, box),
    draw("rect", { class: "frame", ...box }),
    draw("text", { x: x + 14, y: top + 9 }, words(high)),
    draw("text", { x: x + 14, y: top + height }, words(low)),
  );
}

function decibelWords(level) {
  return `${level.toFixed(0)} dB`;
}

/* Call `paint` when light gives way to dark, or dark to light. */
function onScheme(paint) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}
