/**
 * The grid of all units: one canvas, one tab stop.  Arrow keys and clicks choose a unit.
 *
 * @typedef {import("./data.js").Run} Run
 * @typedef {{columns: number, gap: number, factor: number, order: number[], shape: [number, number, number]}} Layout
 */

import { html } from "./chart.js";
import { byId } from "./data.js";
import { drawMasks } from "./draw.js";

/** @type {Layout} */
let layout = { columns: 1, gap: 1, factor: 1, order: [], shape: [1, 1, 1] };

/**
 * Draw the grid.
 *
 * @param {Run} run
 * @param {number} round
 * @param {number[]} order units in the order in which they stand
 * @param {[number, number, number]} shape
 * @param {number} size how large: 1, 2, 3
 * @param {number[]} known units of which more is known
 */
export function drawGrid(run, round, order, shape, size, known) {
  const [, height, width] = shape;
  const gap = Math.max(1, height >> 4);
  const room = byId("grid-frame").clientWidth;
  // Whole pixels a weight.  Few units are drawn larger, 32 to 96 pixels wide, as all should be seen; at least one fits.
  const side = size * Math.min(96, Math.max(32, room * Math.sqrt(0.8 / order.length)));
  const factor = Math.max(1, Math.min(Math.round(side / width), Math.floor(room / (width + 2 * gap))));
  const columns = Math.max(1, Math.min(order.length, Math.floor((room / factor - gap) / (width + gap))));
  layout = { columns, gap, factor, order, shape };
  const canvas = /** @type {HTMLCanvasElement} */ (byId("grid-canvas"));
  drawMasks(canvas, run, round, order, shape, columns, gap);
  canvas.style.width = `${canvas.width * factor}px`;
  canvas.style.height = `${canvas.height * factor}px`;
  const slider = byId("grid-slider");
  slider.style.width = canvas.style.width;
  slider.style.height = canvas.style.height;
  const marks = known.map((unit) => {
    const { left, top } = corner(order.indexOf(unit));
    const mark = html("div", { class: "mark-detail" });
    mark.style.left = `${left + 2}px`;
    mark.style.top = `${top + 2}px`;
    return mark;
  });
  const selected = byId("grid-marks").querySelector(".mark-selected") ?? html("div", { class: "mark-selected" });
  byId("grid-marks").replaceChildren(...marks, selected);
}

/**
 * Frame a unit.
 *
 * @param {number} unit
 * @param {string} text what is said of it
 */
export function markUnit(unit, text) {
  const place = layout.order.indexOf(unit);
  const mark = byId("grid-marks").querySelector(".mark-selected");
  if (mark instanceof HTMLElement) {
    const { left, top } = corner(place);
    mark.style.left = `${left - 3}px`;
    mark.style.top = `${top - 3}px`;
    mark.style.width = `${layout.shape[2] * layout.factor + 6}px`;
    mark.style.height = `${layout.shape[1] * layout.factor + 6}px`;
  }
  const slider = byId("grid-slider");
  slider.setAttribute("aria-valuemin", "0");
  slider.setAttribute("aria-valuemax", String(layout.order.length - 1));
  slider.setAttribute("aria-valuenow", String(place));
  slider.setAttribute("aria-valuetext", text);
}

/** @param {number} place */
function corner(place) {
  const { columns, gap, factor, shape } = layout;
  return {
    left: ((place % columns) * (shape[2] + gap) + gap) * factor,
    top: (Math.floor(place / columns) * (shape[1] + gap) + gap) * factor,
  };
}

/**
 * @param {number} x pixels from the grid's left edge
 * @param {number} y pixels from its upper edge
 * @returns {number | null} the unit there
 */
function unitAt(x, y) {
  const { columns, gap, factor, order, shape } = layout;
  const column = Math.floor((x / factor - gap / 2) / (shape[2] + gap));
  const row = Math.floor((y / factor - gap / 2) / (shape[1] + gap));
  if (column < 0 || column >= columns || row < 0) return null;
  return order[row * columns + column] ?? null;
}

/**
 * Listen to the grid.
 *
 * @param {() => number} selected the unit that is selected
 * @param {(unit: number) => void} choose
 * @param {(unit: number | null) => void} hover
 */
export function listenToGrid(selected, choose, hover) {
  const slider = byId("grid-slider");
  slider.addEventListener("click", (event) => {
    const unit = unitAt(event.offsetX, event.offsetY);
    if (unit !== null) choose(unit);
  });
  slider.addEventListener("pointermove", (event) => hover(unitAt(event.offsetX, event.offsetY)));
  slider.addEventListener("pointerleave", () => hover(null));
  slider.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = layout.order.indexOf(selected());
    const last = layout.order.length - 1;
    const target = /** @type {Record<string, number>} */ ({
      ArrowRight: place + 1,
      ArrowLeft: place - 1,
      ArrowDown: place + layout.columns,
      ArrowUp: place - layout.columns,
      PageDown: place + 5 * layout.columns,
      PageUp: place - 5 * layout.columns,
      Home: 0,
      End: last,
    })[event.key];
    if (target === undefined) return;
    event.preventDefault();
    if (target >= 0 && target <= last) choose(layout.order[target]);
  });
}
