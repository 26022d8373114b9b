/* The tracks of the page: what its data says, and what filters and the list ask of it. */
"use strict";

const SCALE = 10000; /* windows hold ten-thousandths in 16 bits */
const UNKNOWN = 65535; /* and this where there is no value */

/* The data as { about, tracks, failed }. */
function readLibrary() {
  const [about, ...rows] = embedded();
  const tracks = [];
  const failed = [];
  for (const row of rows) {
    if (row.error !== undefined) {
      failed.push(row);
    } else {
      tracks.push(track(row, about.labels, tracks.length));
    }
  }
  return { about, tracks, failed };
}

function track(row, labels, index) {
  const genre = row.genre ? row.genre.indexOf(Math.max(...row.genre)) : -1;
  return {
    ...row,
    index,
    best: genre,
    label: genre < 0 ? null : labels[genre],
    score: genre < 0 ? null : row.genre[genre],
    found: (row.folder + row.name).toLocaleLowerCase(),
  };
}

/* The windows of a track, unpacked: { start, end, genre, valence, arousal, danceability } each. */
function windowsOf(track, labels) {
  const bytes = Uint8Array.from(atob(track.values), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const width = labels.length + MOODS.length;
  const value = (row, column) => {
    const number = view.getUint16(2 * (row * width + column), true);
    return number === UNKNOWN ? null : number / SCALE;
  };
  return track.start.map((start, row) => {
    const genre = labels.map((_, column) => value(row, column));
    const isKnown = genre.length > 0 && !genre.includes(null);
    const each = { start, end: track.end[row], genre: isKnown ? genre : null };
    MOODS.forEach((mood, index) => {
      each[mood] = value(row, labels.length + index);
    });
    return each;
  });
}

/* Whether a track fits: names hold the text, and its genre and mood are among those chosen. */
function fits(track, { text, genres, moods }) {
  return (
    (!text || track.found.includes(text)) &&
    (!genres.size || genres.has(track.best)) &&
    (!moods.size || moods.has(track.mood))
  );
}

/* Sort by a column; what has no value stands last in either direction. */
function sorted(tracks, key, descending) {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const sign = descending ? -1 : 1;
  return [...tracks].sort((one, other) => {
    const [a, b] = [one[key], other[key]];
    if (a === null || b === null) {
      return (a === null) - (b === null) || one.index - other.index;
    }
    const order = typeof a === "string" ? collator.compare(a, b) : a - b;
    return sign * order || one.index - other.index;
  });
}
