/* The details of one track: all genres, moods, notes, the timeline and its windows as a table. */
"use strict";

/* Fill `place` with a track; `close` is called by its button. */
function showDetails(place, track, labels, close) {
  const title = make("h2", { id: "details-title", tabindex: "-1" }, make("bdi", {}, track.name));
  const button = make("button", { type: "button" }, "Close");
  button.addEventListener("click", close);
  const chart = make("div");
  const windows = windowsOf(track, labels);
  const parts = [
    make("header", {}, title, button),
    track.folder ? make("p", { class: "soft" }, make("bdi", {}, track.folder)) : null,
    make(
      "p",
      {},
      [clock(track.duration), track.mood, musicWords(track)].filter(Boolean).join(" · "),
    ),
    ...track.notes.map((note) => make("p", { class: "soft" }, `Note: ${note}`)),
    bars(track, labels),
    make("h3", {}, "Over time"),
    chart,
    tableOfWindows(windows, labels),
  ];
  place.replaceChildren(...parts.filter((part) => part !== null));
  place.hidden = false;
  onWidth(chart, (width) => chart.replaceChildren(timeline(windows, labels, width)));
  title.focus({ preventScroll: true });
  title.scrollIntoView({ block: "nearest" });
}

function musicWords(track) {
  const words = track.label !== null || track.valence !== null ? "music" : "no music";
  return `${words} (probability ${percent(track.music).replace(" ", "\u00a0")})`;
}

/* Genres, ranked, and beside them the moods, with their bars. */
function bars(track, labels) {
  const genres = labels
    .map((label, index) => ({ label, index, value: track.genre ? track.genre[index] : null }))
    .filter((row) => row.value !== null && row.value >= 0.005)
    .sort((one, other) => other.value - one.value || one.index - other.index)
    .map((row) => [row.label, row.value, percent(row.value)]);
  const moods = MOODS.filter((name) => track[name] !== null).map((name) => [
    name,
    track[name],
    decimals(track[name]),
  ]);
  return make("div", { class: "bars" }, barList(genres), barList(moods));
}

function barList(rows) {
  return make(
    "dl",
    {},
    ...rows.flatMap(([label, value, words]) => {
      const length = make("span");
      length.style.width = `${100 * value}%`;
      return [
        make("dt", {}, label),
        make("div", { class: "bar", "aria-hidden": "true" }, length),
        make("dd", {}, words),
      ];
    }),
  );
}

/* The table is made when it is opened: ten hours are thousands of windows. */
function tableOfWindows(windows, labels) {
  const more = make("details", {}, make("summary", {}, count(windows.length, "window")));
  more.addEventListener("toggle", () => {
    if (more.open && more.children.length === 1) {
      more.append(windowTable(windows, labels));
    }
  });
  return more;
}
