/**
 * Cards: a title, a picture or chart, and a caption that says how to read it.
 *
 * @typedef {import("./data.js").Dataset} Dataset
 * @typedef {import("./data.js").Run} Run
 * @typedef {import("./data.js").Detail} Detail
 * @typedef {import("./chart.js").Series} Series
 * @typedef {{run: Run, detail: Detail | null, dataset: Dataset, round: number, unit: number, scale: string,
 *   levels: number, scored: string}} Shown a unit of a run, after a round
 */
import { html, legend } from "./chart.js";

/**
 * Add a card.
 *
 * @param {HTMLElement} cards
 * @param {string} title
 * @param {string} caption
 * @param {...Node} content
 */
export function addCard(cards, title, caption, ...content) {
  const full = content.some((node) => node instanceof HTMLElement && node.classList.contains("wide"));
  const figure = html(
    "figure",
    full ? { class: "full" } : {},
    html(cards.dataset.heading ?? "h4", {}, title),
    ...content,
  );
  figure.append(html("figcaption", {}, caption));
  cards.append(figure);
  return figure;
}

/**
 * Add a card with a chart, which is drawn later: how wide it is, is known when all cards are there.
 *
 * @param {HTMLElement} cards
 * @param {string} title
 * @param {string} caption
 * @param {(width: number) => SVGElement} draw
 * @param {Series[]} [series] for the legend
 * @returns {() => void}
 */
export function addChart(cards, title, caption, draw, series) {
  const place = html("div", { class: "chart" });
  addCard(cards, title, caption, place, ...(series ? [legend(series)] : []));
  return () => place.replaceChildren(draw(Math.max(200, place.clientWidth)));
}

/**
 * Add a canvas for one channel.
 *
 * @param {HTMLElement} panels
 * @param {string} name
 * @param {string} description
 */
export function addPanel(panels, name, description) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", description);
  panels.append(html("div", { class: "panel" }, html("span", {}, name), canvas));
  return canvas;
}

/**
 * What the channels of a dataset's images are called.
 *
 * @param {Dataset} dataset
 */
export function channelNames({ shape }) {
  if (shape[0] === 1) return ["grey"];
  return shape[0] === 3 ? ["red", "green", "blue"] : Array.from({ length: shape[0] }, (_, k) => `channel ${k + 1}`);
}

/**
 * The place of a unit among those of which more is known; -1 where nothing is.
 *
 * @param {Shown} what
 */
export function placeOf({ detail, unit }) {
  return detail ? detail.entry.units.indexOf(unit) : -1;
}

/**
 * Pairs of round and value, without the missing ones.
 *
 * @param {number} nRounds
 * @param {(round: number) => number} value
 */
export function byRound(nRounds, value) {
  /** @type {[number, number][]} */
  const points = [];
  for (let n = 0; n <= nRounds; n++) if (Number.isFinite(value(n))) points.push([n, value(n)]);
  return points;
}
