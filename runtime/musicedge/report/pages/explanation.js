/* The page of one explanation: puts its charts in their places, and the map that is asked for. */
"use strict";

const byId = (id) => document.getElementById(id);
const data = embedded();
const windows = windowsOf(data.track, data.labels);
const widths = new Map();
const METHODS = {
  occlusion:
    "The map is made from the model file alone: random halves of the cells were covered, and the " +
    "answers compared",
  "Grad-CAM": "The map is made by Grad-CAM, from the checkpoint",
  "integrated gradients": "The map is made by integrated gradients, from the checkpoint",
};

/* Draw a chart for the width of its place, now, when that changes, and when colours do. */
function chart(id, paint) {
  const place = byId(id);
  const again = () => place.replaceChildren(paint(widths.get(id)));
  onWidth(place, (width) => {
    widths.set(id, width);
    again();
  });
  onScheme(again);
  return again;
}

function fillWords() {
  const { name, variant, sha256, provider } = data.model;
  byId("title").textContent = data.title[0].toUpperCase() + data.title.slice(1);
  byId("path").append(make("bdi", {}, data.track.folder + data.track.name));
  byId("words").append(...data.sentences.map((each) => make("li", {}, each)));
  byId("key").append(
    make("span", { class: "sample for" }),
    " speaks for it, ",
    make("span", { class: "sample against" }),
    " speaks against it; the stronger the colour, the more. Below lies the log-mel spectrogram.",
  );
  byId("check-title").textContent = `Does the map of ${data.of} hold?`;
  byId("check-note").textContent =
    "If the map is true, covering what it names first makes the value fall sooner than chance does, " +
    "and keeping that to the last makes it fall later.";
  byId("made").textContent =
    `Made by musicedge ${data.version} with the model ${name} ${variant} ` +
    `(SHA-256 ${sha256.slice(0, 12)}…, ${provider}). ${METHODS[data.method] ?? data.method}. What a ` +
    "map shows is what this model goes by, not what music is.";
}

function fillTables() {
  byId("windows").querySelector("summary").textContent = count(windows.length, "window");
  byId("windows").append(windowTable(windows, data.labels));
  byId("parts").append(...partTables(data));
  byId("check-table").append(curveTable(data));
}

/* What the model says of a genre, a mood or music in the window, in words. */
function windowValue(here, name) {
  const entry = here.genre.find((each) => each.label === name);
  if (entry) {
    return percent(entry.score);
  }
  return name === "music" ? percent(here.music) : decimals(here[name] ?? null);
}

fillWords();
fillTables();
for (const name of Object.keys(data.maps)) {
  const words = `${name} ${windowValue(data.window, name)}`;
  byId("of").append(make("option", { value: name, selected: name === data.of }, words));
}
chart("piece", (width) => piece(data, width));
chart("timeline", (width) => timeline(windows, data.labels, width));
chart("check", (width) => curveChart(data, width));
const again = chart("moment", (width) =>
  moment(data, byId("of").value, byId("cover").checked, width),
);
byId("of").addEventListener("change", again);
byId("cover").addEventListener("change", again);
