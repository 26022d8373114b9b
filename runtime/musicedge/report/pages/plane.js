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

class Plane {
  /* `choose` is called with the track whose mark is clicked. */
  constructor(place, tracks, choose) {
    this.place = place;
    this.tracks = tracks.filter((each) => each.valence !== null && each.arousal !== null);
    this.visible = new Set(this.tracks);
    this.chosen = null;
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
    return PLANE.left + value * (this.width - PLANE.left - PLANE.right);
  }

  y(value) {
    return this.height - PLANE.bottom - value * (this.height - PLANE.top - PLANE.bottom);
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
    const [left, right, top, bottom] = [this.x(0), this.x(1), this.y(1), this.y(0)];
    const box = { x: left, y: top, width: right - left, height: bottom - top };
    const across = [0, 0.25, 0.5, 0.75, 1];
    return [
      ...across.map((value) =>
        draw("line", { class: "grid", x1: this.x(value), x2: this.x(value), y1: top, y2: bottom }),
      ),
      valueAxis(across, left, right, (value) => this.y(value), (value) => value.toFixed(2)),
      ...across.map((value) =>
        draw("text", { x: this.x(value), y: bottom + 16, "text-anchor": "middle" }, value.toFixed(2)),
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
    return CORNERS.map(({ word, x, y }) =>
      draw(
        "text",
        {
          class: "corner",
          x: this.x(x) + (x ? -8 : 8),
          y: this.y(y) + (y ? 18 : -10),
          "text-anchor": x ? "end" : "start",
        },
        word,
      ),
    );
  }

  /* Show the marks of these tracks only. */
  show(tracks) {
    const wanted = new Set(tracks);
    this.visible = new Set(this.tracks.filter((each) => wanted.has(each)));
    this.update();
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
