/* The page of features: the table of figures, the pictures of all songs, and what they hold as text. */
"use strict";

const byId = (id) => document.getElementById(id);
const data = embedded();

function figureTable({ figures, songs }) {
  const head = songs.map((song) => make("th", { scope: "col" }, make("bdi", {}, song.name)));
  const rows = figures.map(({ label, values, differences }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, label),
      ...values.map((value, index) =>
        make(
          "td",
          {},
          value,
          differences[index]
            ? make("span", { class: "difference" }, ` (${differences[index]})`)
            : null,
        ),
      ),
    ),
  );
  return [
    make("thead", {}, make("tr", {}, make("td", {}), ...head)),
    make("tbody", {}, ...rows),
  ];
}

/* A section with the same picture of every song. */
function panelSection(index) {
  const { title } = data.songs[0].panels[index];
  const figures = data.songs.map((song) => {
    const panel = song.panels[index];
    const place = make("div");
    const caption = make("figcaption", { class: "soft" }, make("bdi", {}, song.name));
    caption.append(tempoWords(panel, song));
    let width = 0;
    const paint = () =>
      width && place.replaceChildren(panelPicture(panel, song, data.pitch_classes, width));
    onWidth(place, (now) => {
      width = now;
      paint();
    });
    onScheme(paint);
    return make("figure", {}, caption, place);
  });
  return make(
    "section",
    { "aria-label": title },
    make("h2", {}, title),
    make("div", { class: "songs" }, ...figures),
  );
}

/* What of the tempo belongs to a picture. */
function tempoWords({ axis, with_beats }, { tempo }) {
  if (!with_beats && axis !== "tempo") {
    return "";
  }
  const words = tempo === null ? "no beat found" : `${tempo.toFixed(0)} beats a minute`;
  return `: ${words}${axis === "tempo" && tempo !== null ? " (dashed)" : ""}`;
}

/* The pitch classes and the beats of a song, each behind a summary. */
function songTables({ title, shares, beats }) {
  const cells = (kind, texts) => make("tr", {}, ...texts.map((text) => make(kind, {}, text)));
  const pitches = make(
    "table",
    { class: "pitches" },
    make("thead", {}, cells("th", ["pitch class", "share"])),
    make(
      "tbody",
      {},
      ...shares.map(([label, share]) => cells("td", [label, `${(100 * share).toFixed(1)} %`])),
    ),
  );
  const times = beats.map((beat) => clock(beat, true)).join(", ");
  return make(
    "div",
    {},
    make("h3", {}, make("bdi", {}, title)),
    make("details", {}, make("summary", {}, "pitch classes"), pitches),
    make("details", {}, make("summary", {}, count(beats.length, "beat")), make("p", {}, times)),
  );
}

byId("songs").append(make("bdi", {}, data.songs.map((song) => song.title).join(" · ")));
byId("figures").append(...figureTable(data));
byId("panels").append(...data.songs[0].panels.map((_, index) => panelSection(index)));
byId("tables").append(...data.songs.map(songTables));
byId("controls").hidden = !data.songs.some((song) => song.panels.some((each) => each.with_beats));
byId("lines").addEventListener("change", (event) =>
  document.body.classList.toggle("without-lines", !event.target.checked),
);
byId("made").textContent =
  `Made by musicedge ${data.version}. The log-mel is what its networks see; energies and the ` +
  "percussive share are of what lies below 11 kHz. " +
  (data.songs.length > 1
    ? "The same colour is the same value in every song; differences are from the first one."
    : "");
