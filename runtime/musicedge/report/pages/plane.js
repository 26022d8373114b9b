/* The mood plane: valence across, arousal up, a mark for each track. */
"use strict";

const PLANE = { left: 52, right: 8, top: 8, bottom: 44 };
const CORNERS = [
  { word: "tense, angry", x: 0, y: 1 },
  { word: "happy, excited", x: 1, y: 1 },
  { word: "sad, gloomy", x: 0, y: 0 },
  { word: "calm, content", x: 1, y: 0 },
];
const REACH = 14; /* pixels within which a pointer means a mark */

/* Ticks of an axis from one tenth to another. */
function moodTicks([low, high]) {
  const step = high - low > 0.5 ? 0.25 : high - low > 0.2 ? 0.1 : 0.05;
  const count = Math.floor((high - low) / step + 1e-6);
  const first = Math.ceil(low / step - 1e-6) * step;
  return Array.from({ length: count + 1 }, (_, index) => first + index * step).filter(
    (tick) => tick <= high + 1e-6,
  );
}

class Plane {
  /* `choose` is called with the track whose mark is clicked. */
  constructor(place, tracks, choose) {
    this.place = place;
    this.tracks = tracks.filter((each) => each.valence !== null && each.arousal !== null);
    this.visible = new Set(this.tracks);
    this.chosen = null;
    this.across = [0, 1];
    this.up = [0, 1];
    this.tip = make("div", { class: "tip", hidden: true });
    this.points = new Map();
    onWidth(place, (width) => this.paint(width));
    place.addEventListener("pointermove", (event) => this.hover(event));
    place.addEventListener("pointerleave", () => (this.tip.hidden = true));
    place.addEventListener("click", (event) => {
      const track = this.nearest(event);
      if (track) {
        choose(track);
      }
    });
  }

  x(value) {
    const share = (value - this.across[0]) / (this.across[1] - this.across[0]);
    return PLANE.left + share * (this.width - PLANE.left - PLANE.right);
  }

  y(value) {
    const share = (value - this.up[0]) / (this.up[1] - this.up[0]);
    return this.height - PLANE.bottom - share * (this.height - PLANE.top - PLANE.bottom);
  }

  /* The values of the visible tracks, from one tenth to another. */
  extent(mood) {
    const tenths = [...this.visible].map((track) => 10 * track[mood]);
    if (tenths.length === 0) {
      return [0, 1];
    }
    const least = Math.floor(tenths.reduce((one, other) => Math.min(one, other)));
    const most = Math.ceil(tenths.reduce((one, other) => Math.max(one, other)));
    const low = Math.min(least, 9);
    return [low / 10, Math.max(most, low + 1) / 10];
  }

  paint(width) {
    this.width = width;
    this.height = Math.max(Math.min(width, 390), 240);
    const svg = draw("svg", { width, height: this.height, role: "img" });
    svg.append(...this.frame());
    const size = this.tracks.length > 1500 ? 3 : this.tracks.length > 300 ? 4 : 5.5;
    this.layer = draw("g", { class: "points" });
    this.points = new Map(
      this.tracks.map((track) => {
        const point = mark(track.best, size, this.x(track.valence), this.y(track.arousal));
        point.setAttribute("class", "point");
        point.dataset.track = track.index;
        return [track, point];
      }),
    );
    this.ring = draw("circle", { class: "ring", r: size + 5 });
    svg.append(this.layer, this.ring, ...this.words());
    this.place.replaceChildren(svg, this.tip);
    this.svg = svg;
    this.update();
  }

  frame() {
    const [left, right] = this.across.map((value) => this.x(value));
    const [bottom, top] = this.up.map((value) => this.y(value));
    const box = { x: left, y: top, width: right - left, height: bottom - top };
    const across = moodTicks(this.across);
    return [
      ...across.map((value) =>
        draw("line", { class: "grid", x1: this.x(value), x2: this.x(value), y1: top, y2: bottom }),
      ),
      valueAxis(
        moodTicks(this.up),
        left,
        right,
        (value) => this.y(value),
        (value) => value.toFixed(2),
      ),
      ...across.map((value) =>
        draw(
          "text",
          { x: this.x(value), y: bottom + 16, "text-anchor": "middle" },
          value.toFixed(2),
        ),
      ),
      draw("rect", { class: "frame", ...box }),
      draw("text", { x: (left + right) / 2, y: bottom + 34, "text-anchor": "middle" }, "valence →"),
      draw(
        "text",
        { transform: `translate(10,${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" },
        "arousal →",
      ),
    ];
  }

  /* What the corners mean, above the marks. */
  words() {
    const isSeen = ({ x, y }) =>
      Math.abs(x - this.across[x]) < 0.5 && Math.abs(y - this.up[y]) < 0.5;
    return CORNERS.filter(isSeen).map(({ word, x, y }) =>
      draw(
        "text",
        {
          class: "corner",
          x: this.x(this.across[x]) + (x ? -8 : 8),
          y: this.y(this.up[y]) + (y ? 18 : -10),
          "text-anchor": x ? "end" : "start",
        },
        word,
      ),
    );
  }

  /* Show the marks of these tracks only, on all of the plane or on the part where they are. */
  show(tracks, isClose) {
    const wanted = new Set(tracks);
    this.visible = new Set(this.tracks.filter((each) => wanted.has(each)));
    const before = [...this.across, ...this.up];
    this.across = isClose ? this.extent("valence") : [0, 1];
    this.up = isClose ? this.extent("arousal") : [0, 1];
    if (this.svg && [...this.across, ...this.up].some((edge, index) => edge !== before[index])) {
      this.paint(this.width);
    } else {
      this.update();
    }
  }

  choose(track) {
    this.chosen = track;
    this.update();
  }

  update() {
    if (!this.svg) {
      return;
    }
    this.layer.replaceChildren(...[...this.visible].map((track) => this.points.get(track)));
    const isHere = this.chosen !== null && this.visible.has(this.chosen);
    this.ring.style.display = isHere ? "" : "none";
    if (isHere) {
      this.ring.setAttribute("cx", this.x(this.chosen.valence));
      this.ring.setAttribute("cy", this.y(this.chosen.arousal));
    }
    this.svg.setAttribute(
      "aria-label",
      `Mood plane of valence and arousal with ${count(this.visible.size, "track")}. ` +
        "The list of tracks holds the same values.",
    );
  }

  nearest(event) {
    const box = this.place.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [best, least] = [null, REACH];
    for (const track of this.visible) {
      const distance = Math.hypot(this.x(track.valence) - x, this.y(track.arousal) - y);
      if (distance <= least) {
        [best, least] = [track, distance];
      }
    }
    return best;
  }

  hover(event) {
    const track = this.nearest(event);
    this.tip.hidden = track === null;
    if (track === null) {
      return;
    }
    const genre = track.label === null ? "" : `, ${track.label} ${percent(track.score)}`;
    this.tip.replaceChildren(make("bdi", {}, track.name), genre);
    const x = Math.min(this.x(track.valence) + 10, Math.max(this.width - 250, 0));
    this.tip.style.left = `${x}px`;
    this.tip.style.top = `${this.y(track.arousal) + 10}px`;
  }
}
