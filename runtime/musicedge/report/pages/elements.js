/* Elements and the words for numbers. Texts from data are set as text and never read as markup. */
"use strict";

const MOODS = ["valence", "arousal", "danceability"];

function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function embedded() {
  return JSON.parse(document.getElementById("data").textContent);
}

function percent(share) {
  return share > 0 && share < 0.005 ? "<1 %" : `${(100 * share).toFixed(0)} %`;
}

function decimals(value) {
  return value === null ? "–" : value.toFixed(2);
}

function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/* Seconds as m:ss or h:mm:ss. */
function clock(seconds, tenths = false) {
  const units = Math.round(seconds * (tenths ? 10 : 1)) / (tenths ? 10 : 1);
  const minutes = Math.floor(units / 60);
  const rest = (units - 60 * minutes).toFixed(tenths ? 1 : 0).padStart(tenths ? 4 : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/* A range of time in seconds, with tenths where it needs them. */
function span(start, end) {
  const tenths = [start, end].some((time) => Math.abs(time - Math.round(time)) >= 0.05);
  return `${clock(start, tenths)}–${clock(end, tenths)}`;
}

/* Call `paint` with an element's width now, and whenever it changes. */
function onWidth(element, paint) {
  let last = 0;
  new ResizeObserver(() => {
    const width = Math.floor(element.clientWidth);
    if (width > 0 && width !== last) {
      last = width;
      paint(width);
    }
  }).observe(element);
}
