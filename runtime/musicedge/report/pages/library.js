/* The page of many tracks: filters, the list and its order, and the track that is chosen. */
"use strict";

const PAGE = 100; /* rows at first, and with each further step */
const COLUMNS = [
  { key: "name", title: "Track", part: "track" },
  { key: "label", title: "Genre", part: "genre" },
  { key: "score", title: "Score", number: true, part: "number" },
  { key: "valence", title: "Valence", number: true, part: "number" },
  { key: "arousal", title: "Arousal", number: true, part: "number" },
  { key: "danceability", title: "Danceability", number: true, part: "number rare" },
  { key: "mood", title: "Mood", part: "mood rare" },
  { key: "duration", title: "Length", number: true, part: "number rare" },
];

const byId = (id) => document.getElementById(id);
const { about, tracks, failed } = readLibrary();
const state = {
  text: "",
  genres: new Set(),
  moods: new Set(),
  key: null,
  descending: false,
  rows: PAGE,
  chosen: null,
  opener: null,
};
const plane = new Plane(byId("plane"), tracks, (track) => choose(track, null));

function update() {
  const fitting = tracks.filter((each) => fits(each, state));
  const ordered = state.key ? sorted(fitting, state.key, state.descending) : fitting;
  plane.show(fitting, byId("zoom").checked);
  byId("rows").replaceChildren(...ordered.slice(0, state.rows).map(row));
  byId("shown").textContent =
    fitting.length === tracks.length
      ? count(tracks.length, "track")
      : `${fitting.length.toLocaleString("en")} of ${count(tracks.length, "track")}`;
  byId("none").hidden = fitting.length > 0 || tracks.length === 0;
  const rest = ordered.length - state.rows;
  byId("more").hidden = rest <= 0;
  byId("some").textContent = `Show ${Math.min(PAGE, rest)} more`;
  byId("all").textContent = `Show all ${ordered.length.toLocaleString("en")}`;
  byId("all").hidden = rest <= PAGE;
  for (const head of byId("columns").children) {
    const isKey = head.dataset.key === state.key;
    const order = state.descending ? "descending" : "ascending";
    head.setAttribute("aria-sort", isKey ? order : "none");
    head.querySelector("span").textContent = isKey ? (state.descending ? " ▼" : " ▲") : "";
  }
}

function row(track) {
  const name = make("button", { type: "button", class: "name" }, make("bdi", {}, track.name));
  const folder = make("span", { class: "folder soft" }, make("bdi", {}, track.folder));
  const words = {
    label: [
      track.label === null ? null : markIcon(track.best),
      track.label ?? (hasMusic(track) ? "–" : "no music"),
    ],
    name: [name, track.folder ? folder : null],
    score: [track.score === null ? "–" : percent(track.score)],
    mood: [track.mood ?? "–"],
    duration: [clock(track.duration)],
  };
  for (const mood of MOODS) {
    words[mood] = [decimals(track[mood])];
  }
  const line = make(
    "tr",
    { role: "row", "data-track": track.index, class: track === state.chosen ? "chosen" : null },
    ...COLUMNS.map(({ key, part, title }) =>
      make("td", { class: part, role: "cell", "data-title": title }, ...words[key]),
    ),
  );
  line.addEventListener("click", () => choose(track, name));
  return line;
}

function hasMusic(track) {
  return track.label !== null || MOODS.some((mood) => track[mood] !== null);
}

/* Show a track's details; closing them gives the focus back to `opener`. */
function choose(track, opener) {
  state.chosen = track;
  state.opener = opener;
  plane.choose(track);
  for (const line of byId("rows").children) {
    line.classList.toggle("chosen", track !== null && Number(line.dataset.track) === track.index);
  }
  if (track === null) {
    byId("details").hidden = true;
    byId("details").replaceChildren();
  } else {
    showDetails(byId("details"), track, about.labels, close);
  }
}

function close() {
  const opener = state.opener;
  choose(null, null);
  (opener?.isConnected ? opener : byId("search")).focus();
}

/* A filter of one value; `marked` is a genre's index or null. */
function chip(set, value, label, number, marked) {
  const box = make("input", { type: "checkbox" });
  box.addEventListener("change", () => {
    set[box.checked ? "add" : "delete"](value);
    state.rows = PAGE;
    update();
  });
  return make(
    "label",
    { class: "chip" },
    box,
    marked === null ? null : markIcon(marked),
    `${label} `,
    make("span", { class: "soft" }, number.toLocaleString("en")),
  );
}

function fillFilters() {
  const number = (test) => tracks.filter(test).length;
  about.labels.forEach((label, index) => {
    const found = number((each) => each.best === index);
    if (found) {
      byId("genres").append(chip(state.genres, index, label, found, index));
    }
  });
  const without = number((each) => each.best < 0);
  if (without) {
    const label = about.labels.length ? "no music" : "no genre";
    byId("genres").append(chip(state.genres, -1, label, without, null));
  }
  for (const mood of new Set(
    tracks
      .map((each) => each.mood)
      .filter(Boolean)
      .sort(),
  )) {
    const found = number((each) => each.mood === mood);
    byId("moods").append(chip(state.moods, mood, mood, found, null));
  }
  for (const list of [byId("genres"), byId("moods")]) {
    list.closest("fieldset").hidden = list.children.length === 0;
  }
}

function fillHead() {
  for (const { key, title, number, part } of COLUMNS) {
    const button = make(
      "button",
      { type: "button" },
      title,
      make("span", { "aria-hidden": "true" }),
    );
    button.addEventListener("click", () => {
      /* Numbers are looked at from the highest down, names from A. */
      state.descending = state.key === key ? !state.descending : Boolean(number);
      state.key = key;
      update();
    });
    const attributes = { scope: "col", role: "columnheader", "data-key": key, class: part };
    byId("columns").append(make("th", attributes, button));
  }
}

function fillFacts() {
  const seconds = tracks.reduce((sum, each) => sum + each.duration, 0);
  const silent = tracks.filter((each) => !hasMusic(each)).length;
  byId("summary").textContent = [
    `${count(tracks.length, "track")}, ${clock(seconds)} of audio`,
    silent ? `${silent.toLocaleString("en")} without music` : "",
    failed.length ? `${failed.length.toLocaleString("en")} failed` : "",
  ]
    .filter(Boolean)
    .join("; ");
  byId("plane-note").textContent = plane.tracks.length
    ? "Each mark is a track; a click shows its details."
    : "No track here has valence and arousal.";
  const { name, variant, sha256, provider } = about.model;
  byId("made").textContent =
    `Made by musicedge ${about.version} with the model ${name} ${variant} ` +
    `(SHA-256 ${sha256.slice(0, 12)}…, ${provider}). Genre scores are probabilities that sum to 1; ` +
    "valence is unhappy to happy, arousal calm to excited, danceability hard to easy to dance to, " +
    "each from 0 to 1.";
  if (failed.length) {
    byId("failed").hidden = false;
    byId("failed").querySelector("summary").textContent = `${count(failed.length, "file")} failed`;
    byId("failed")
      .querySelector("ul")
      .append(...failed.map((each) => make("li", {}, make("bdi", {}, each.error))));
  }
}

fillFilters();
fillHead();
fillFacts();
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("reset", () => {
  state.text = "";
  state.genres.clear();
  state.moods.clear();
  state.rows = PAGE;
  update();
});
byId("search").addEventListener("input", (event) => {
  state.text = event.target.value.trim().toLocaleLowerCase();
  state.rows = PAGE;
  update();
});
byId("zoom").addEventListener("change", update);
byId("some").addEventListener("click", () => {
  state.rows += PAGE;
  update();
});
byId("all").addEventListener("click", () => {
  state.rows = Infinity;
  update();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.chosen !== null) {
    close();
  }
});
update();
if (tracks.length === 1) {
  choose(tracks[0], byId("rows").querySelector(".name"));
  document.activeElement.blur(); /* nobody has asked for the keyboard to go there */
}
