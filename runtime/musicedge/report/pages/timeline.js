/* A track over time: its genres as a strip of cells a row, its moods as lines, on one time axis. */
"use strict";

const MOST_COLUMNS = 240; /* more windows than that are averaged: no screen shows them apart */
const MOST_GENRES = 6;
const LEAST_SCORE = 0.05; /* a genre that never gets there has no row */
const TIMELINE = { left: 86, right: 104, row: 18, moods: 110, gap: 14, below: 36 };
const NARROW = 420; /* pixels; below, the moods' names stand under the lines and not beside them */
const DASHES = { valence: null, arousal: "7 4", danceability: "2 3" };
const MOOD_COLOURS = { valence: "var(--c0)", arousal: "var(--c3)", danceability: "var(--c2)" };

/* Windows as columns: each from `start` to `end`, with the mean of what is known of it. */
function timelineColumns(windows, labels) {
  const size = Math.ceil(windows.length / MOST_COLUMNS);
  const columns = [];
  for (let first = 0; first < windows.length; first += size) {
    const group = windows.slice(first, first + size);
    const known = group.filter((each) => each.genre || MOODS.some((mood) => each[mood] !== null));
    const mean = (value) => known.reduce((sum, each) => sum + value(each), 0) / known.length;
    const column = {
      start: edge(windows, first),
      end: edge(windows, first + group.length),
      genre: known.some((each) => each.genre)
        ? labels.map((_, index) => mean((each) => each.genre[index]))
        : null,
    };
    for (const mood of MOODS) {
      column[mood] = known.some((each) => each[mood] !== null) ? mean((each) => each[mood]) : null;
    }
    columns.push(column);
  }
  return columns;
}

/* Where a window's column begins: windows that overlap meet halfway. */
function edge(windows, index) {
  if (index === 0) {
    return windows[0].start;
  }
  if (index === windows.length) {
    return windows[index - 1].end;
  }
  return (windows[index - 1].end + windows[index].start) / 2;
}

/* The indices of the genres that deserve a row, the strongest first. */
function timelineGenres(columns, labels) {
  const totals = labels.map((_, index) =>
    columns.reduce((sum, column) => sum + (column.genre ? column.genre[index] : 0), 0),
  );
  return labels
    .map((_, index) => index)
    .filter((index) => columns.some((column) => column.genre && column.genre[index] >= LEAST_SCORE))
    .sort((one, other) => totals[other] - totals[one])
    .slice(0, MOST_GENRES);
}

/* The timeline as an SVG of a given width. */
function timeline(windows, labels, width) {
  const isNarrow = width < NARROW;
  const left = TIMELINE.left;
  const right = isNarrow ? 8 : TIMELINE.right;
  const start = windows[0].start;
  const end = windows[windows.length - 1].end;
  const columns = timelineColumns(windows, labels);
  const genres = timelineGenres(columns, labels);
  const inner = Math.max(width - left - right, 20);
  const x = (seconds) => left + (inner * (seconds - start)) / (end - start);
  const top = genres.length * TIMELINE.row + (genres.length ? TIMELINE.gap : 6);
  const bottom = top + TIMELINE.moods;
  const y = (value) => bottom - value * TIMELINE.moods;
  const first = genres.length ? labels[genres[0]] : "no genre";
  const svg = draw("svg", {
    width,
    height: bottom + TIMELINE.below + (isNarrow ? 20 : 0),
    role: "img",
    class: "timeline",
    "aria-label":
      `Timeline from ${clock(start)} to ${clock(end)}: ${first} most of the time. ` +
      "The table of windows holds the same values.",
  });
  genres.forEach((genre, row) => {
    svg.append(
      draw(
        "text",
        { x: left - 6, y: row * TIMELINE.row + 13, "text-anchor": "end" },
        shortened(labels[genre], 12),
      ),
      ...columns
        .filter((column) => column.genre)
        .map((column) => heatCell(column, genre, labels[genre], row, x)),
    );
  });
  if (genres.length) {
    const height = genres.length * TIMELINE.row;
    svg.append(draw("rect", { class: "frame", x: left, y: 0, width: inner, height }));
  }
  svg.append(valueAxis([0, 0.5, 1], left, left + inner, y));
  const ends = [];
  for (const mood of MOODS) {
    const known = columns.filter((column) => column[mood] !== null);
    if (known.length) {
      svg.append(moodCurve(columns, mood, x, y));
      ends.push({ mood, y: y(known[known.length - 1][mood]) });
    }
  }
  if (isNarrow) {
    ends.forEach((end, index) => {
      svg.append(...moodLabel(end.mood, (index * width) / 3, bottom + TIMELINE.below + 10));
    });
  } else {
    svg.append(...endLabels(ends, left + inner + 6, top, bottom));
  }
  svg.append(timeAxis(start, end, inner, bottom, x));
  svg.append(
    draw("text", { x: left + inner / 2, y: bottom + 32, "text-anchor": "middle" }, "time, min:s"),
  );
  return svg;
}

function heatCell(column, genre, label, row, x) {
  const words = `${span(column.start, column.end)}: ${label} ${percent(column.genre[genre])}`;
  const cell = draw(
    "rect",
    {
      class: "heat",
      x: x(column.start),
      y: row * TIMELINE.row,
      width: Math.max(x(column.end) - x(column.start) + 0.25, 0.5),
      height: TIMELINE.row,
    },
    draw("title", {}, words),
  );
  cell.style.setProperty("--value", column.genre[genre].toFixed(3));
  return cell;
}

/* A mood's line, interrupted where there is no music; a lone window is a short stroke. */
function moodCurve(columns, mood, x, y) {
  let path = "";
  let joined = false;
  columns.forEach((column, index) => {
    if (column[mood] === null) {
      joined = false;
      return;
    }
    const next = columns[index + 1];
    const middle = (x(column.start) + x(column.end)) / 2;
    if (!joined && (!next || next[mood] === null)) {
      path += `M${x(column.start)},${y(column[mood])}H${x(column.end)}`;
    } else {
      path += `${joined ? "L" : "M"}${middle},${y(column[mood])}`;
    }
    joined = true;
  });
  const curve = draw("path", { class: "curve", d: path, "stroke-dasharray": DASHES[mood] });
  curve.style.stroke = MOOD_COLOURS[mood];
  return curve;
}

/* The names of the lines at their right ends, moved apart where they would cover each other. */
function endLabels(ends, x, top, bottom) {
  ends.sort((one, other) => one.y - other.y);
  ends.forEach((end, index) => {
    end.y = Math.max(end.y, index ? ends[index - 1].y + 14 : top + 4);
  });
  for (let index = ends.length - 1; index >= 0; index--) {
    const most = index === ends.length - 1 ? bottom : ends[index + 1].y - 14;
    ends[index].y = Math.min(ends[index].y, most);
  }
  return ends.flatMap(({ mood, y }) => moodLabel(mood, x, y));
}

/* A piece of a mood's line, and its name. */
function moodLabel(mood, x, y) {
  const d = `M${x},${y}h16`;
  const sample = draw("path", { class: "curve", d, "stroke-dasharray": DASHES[mood] });
  sample.style.stroke = MOOD_COLOURS[mood];
  return [sample, draw("text", { x: x + 20, y: y + 4, class: "end" }, mood)];
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/* The windows as a table, for who reads numbers or hears the page. */
function windowTable(windows, labels) {
  const head = ["from", "to", "genre", "score", ...MOODS];
  const body = make("tbody");
  const tenths = windows.some((each) => Math.abs(each.end - Math.round(each.end)) > 0.05);
  for (const each of windows) {
    const best = each.genre ? each.genre.indexOf(Math.max(...each.genre)) : -1;
    body.append(
      make(
        "tr",
        {},
        make("td", { class: "number" }, clock(each.start, tenths)),
        make("td", { class: "number" }, clock(each.end, tenths)),
        make("td", {}, best < 0 ? `no ${labels.length ? "music" : "genre"}` : labels[best]),
        make("td", { class: "number" }, best < 0 ? "–" : percent(each.genre[best])),
        ...MOODS.map((mood) => make("td", { class: "number" }, decimals(each[mood]))),
      ),
    );
  }
  const cells = head.map((name, index) =>
    make("th", { scope: "col", class: index === 2 ? null : "number" }, name),
  );
  return make("table", { class: "windows" }, make("thead", {}, make("tr", {}, ...cells)), body);
}
