/**
 * What is known of one unit: its mask and weights, autocorrelation, preactivation, cavity scores, and their history.
 *
 * @typedef {import("./cards.js").Shown} Shown
 * @typedef {import("./chart.js").Series} Series
 */
import { addCard, addChart, addPanel, byRound, channelNames, placeOf } from "./cards.js";
import { addScoreHistory, addScores } from "./cavity.js";
import { histogramChart, html, lineChart, shown, svg, withMinus } from "./chart.js";
import { methodName } from "./data.js";
import { drawAutocorrelation, drawMasks, drawSquares } from "./draw.js";
import { autocorrelation, closePairs, countWeights, numberAt, widthOf } from "./masks.js";

const EDGES = /** @type {[number, number]} */ ([-5, 5]);

/**
 * The run and unit in words.
 *
 * @param {Shown} what
 */
export function unitTitle({ run, unit, round }) {
  return `Unit ${unit}: ${run.entry.dataset}, ${methodName(run.entry.method)}, after round ${round}`;
}

/**
 * What a reader is told when the unit changes.
 *
 * @param {Shown} what
 */
export function unitSummary(what) {
  const { run, round, unit } = what;
  const weights = countWeights(run, round, unit);
  const width = shown(widthOf(run, round, unit));
  const kurtosis = shown(numberAt(run, "kurtosis", round, unit));
  const number = (/** @type {string} */ text, /** @type {string} */ suffix) => (text === "–" ? "none" : text + suffix);
  return `${unitTitle(what)}. ${weights} weights, width ${number(width, " pixels")}, kurtosis ${number(kurtosis, "")}.`;
}

/**
 * Draw a unit into an element.
 *
 * @param {HTMLElement} target
 * @param {Shown} what
 */
export function drawUnit(target, what) {
  const cards = html("div", { class: "cards" });
  target.replaceChildren(html("h3", {}, unitTitle(what)), facts(what), cards);
  // First all cards, then what is in them: how wide they are is known when all are there.
  const drawings = [addPanels, addCorrelation, addHistogram, addWidths, addKurtosis, addScores, addScoreHistory].map(
    (add) => add(cards, what),
  );
  for (const draw of drawings) draw?.();
}

/** @param {Shown} what */
function facts({ run, round, unit }) {
  const rows = [
    ["weights left", String(countWeights(run, round, unit))],
    ["width σ along a row", `${shown(widthOf(run, round, unit))} px`],
    ["along a column", `${shown(widthOf(run, round, unit, "y"))} px`],
    ["width by chance", `${shown(numberAt(run, "chance_sigma_x", round, unit))} px`],
    ["close pairs", `${shown(closePairs(run, round, unit))} × chance`],
    ["kurtosis (Gaussian: 3)", shown(numberAt(run, "kurtosis", round, unit), 3)],
  ];
  const list = html("dl", { class: "facts" });
  for (const [term, value] of rows) {
    list.append(html("div", {}, html("dt", {}, term), html("dd", {}, value.startsWith("–") ? "–" : value)));
  }
  return list;
}

/**
 * The composite mask, and each channel's weights; their mask where the weights are not in the page.
 *
 * @param {HTMLElement} cards
 * @param {Shown} what
 */
function addPanels(cards, what) {
  const { run, detail, dataset, round, unit, levels } = what;
  const [channels, rows, columns] = dataset.shape;
  const place = placeOf(what);
  const known = detail && place >= 0;
  const panels = html("div", { class: channels > 1 ? "panels wide" : "panels" });
  const caption = known
    ? `First the mask${channels === 3 ? " in the colours of its channels" : ""}; beside it the weights that are left, at the step of training to ` +
      "which they are set back. Filled: positive; hollow: negative; area is size, and a full square is " +
      `${detail.entry.full_weight.toPrecision(2)} or more.`
    : "The weights that are left, by channel. Their values, the preactivation and the cavity scores are in this page " +
      "for the units with a diamond in the grid.";
  addCard(cards, known ? "Mask and weights" : "Mask", caption, panels);
  const composite = addPanel(
    panels,
    channels === 1 ? "mask" : "all channels",
    `mask of unit ${unit}, ${countWeights(run, round, unit)} weights`,
  );
  composite.className = "pixels";
  drawMasks(composite, run, round, [unit], dataset.shape, 1, 0);
  const names = channels === 1 ? ["weights"] : channelNames(dataset);
  const canvases = names.map((name) => addPanel(panels, name, `weights of unit ${unit}, ${name}`));
  return () =>
    canvases.forEach((canvas, channel) => {
      const start = unit * run.nInputs + channel * rows * columns;
      const from = place * run.nInputs + channel * rows * columns;
      const code = (/** @type {number} */ i) => {
        if (run.lasts[start + i] < round) return 0;
        return known ? Math.max(detail.weights[from + i], 1) : levels;
      };
      drawSquares(canvas, [rows, columns], code, levels, null);
    });
}

/**
 * @param {HTMLElement} cards
 * @param {Shown} what
 */
function addCorrelation(cards, { run, dataset, round, unit }) {
  const s = autocorrelation(run, round, unit, dataset.shape);
  const canvas = document.createElement("canvas");
  const most = drawAutocorrelation(canvas, s);
  const sides = [widthOf(run, round, unit), widthOf(run, round, unit, "y")];
  const fitted = sides.every(Number.isFinite);
  const caption = `How many pairs of its weights lie this far apart: dark none, bright ${most}${most ? " or more" : ""}. ${
    fitted
      ? `Ellipse: one width σ of the fitted Gaussian, ${shown(sides[0])} by ${shown(sides[1])} pixels.`
      : "No Gaussian fits: too few weights, or no width is resolved."
  }`;
  const title = `autocorrelation of the mask of unit ${unit}`;
  const draw = (/** @type {number} */ width) =>
    correlationChart(canvas.toDataURL(), s, fitted ? sides : [], title, Math.min(width, 330));
  return addChart(cards, "Autocorrelation of the mask", caption, draw);
}

/**
 * An autocorrelation with axes, and the ellipse of its fit.
 *
 * @param {string} picture
 * @param {{rows: number, columns: number}} size
 * @param {number[]} sides σ along a row and along a column; empty where nothing fits
 * @param {string} title
 * @param {number} width in pixels
 */
function correlationChart(picture, { rows, columns }, sides, title, width) {
  const [left, top, bottom] = [46, 8, 36];
  const across = width - left - 10;
  const down = (across * rows) / columns;
  const height = top + down + bottom;
  const viewBox = `0 0 ${width} ${height}`;
  const root = svg("svg", { viewBox, role: "img", "aria-label": title, style: `max-width: ${width}px` });
  const style = "image-rendering: pixelated";
  root.append(svg("image", { href: picture, x: left, y: top, width: across, height: down, style }));
  const toX = (/** @type {number} */ dx) => left + ((dx + columns / 2) / columns) * across;
  const toY = (/** @type {number} */ dy) => top + ((dy + rows / 2) / rows) * down;
  const text = (/** @type {string} */ words, /** @type {Record<string, string | number>} */ where) =>
    root.append(svg("text", { "text-anchor": "middle", ...where }, words));
  for (const tick of [-(columns - 1) / 2, 0, (columns - 1) / 2]) {
    text(withMinus(tick), { x: toX(tick), y: top + down + 14 });
  }
  for (const tick of [-(rows - 1) / 2, 0, (rows - 1) / 2]) {
    text(withMinus(tick), { x: left - 5, y: toY(tick) + 4, "text-anchor": "end" });
  }
  text("along a row (pixels)", { x: toX(0), y: height - 4 });
  text("along a column (pixels)", { x: 11, y: toY(0), transform: `rotate(-90 11 ${toY(0)})` });
  if (sides.length) {
    const radii = { rx: (sides[0] / columns) * across, ry: (sides[1] / rows) * down };
    for (const [stroke, thickness] of /** @type {[string, number][]} */ ([
      ["#000", 4],
      ["#fff", 2],
    ])) {
      const look = { fill: "none", stroke, "stroke-width": thickness };
      root.append(svg("ellipse", { cx: toX(0), cy: toY(0), ...radii, ...look }));
    }
  }
  return root;
}

/**
 * @param {HTMLElement} cards
 * @param {Shown} what
 */
function addHistogram(cards, what) {
  const { run, detail, round, unit, scale } = what;
  const place = placeOf(what);
  const histogram = detail?.histograms[run.entry.method];
  if (!detail || place < 0 || !histogram) return undefined;
  const start = (round * detail.entry.units.length + place) * detail.bins;
  const counts = Array.from(histogram.subarray(start, start + detail.bins));
  const total = detail.entry.n_images;
  const inside = counts.reduce((sum, count) => sum + count, 0);
  const title = `histogram of the preactivation of unit ${unit} over ${total} images`;
  const outside = total - inside;
  const further = outside === 0 ? "No image lies" : outside === 1 ? "1 image lies" : `${outside} images lie`;
  const caption = inside
    ? `Over ${total} validation images, about its mean (bars), beside a Gaussian of the same variance (dashed). ` +
      `${further} further out.`
    : "It does not vary: the unit has no weights.";
  const chart = { counts, edges: EDGES, total, log: scale === "log", title };
  return addChart(cards, "Preactivation", caption, (width) => histogramChart(chart, width));
}

/**
 * @param {HTMLElement} cards
 * @param {Shown} what
 */
function addWidths(cards, { run, round, unit }) {
  const look = run.entry.method;
  const points = (/** @type {(n: number) => number} */ value) => byRound(run.nRounds, value);
  const across = points((n) => widthOf(run, n, unit));
  const down = points((n) => widthOf(run, n, unit, "y"));
  const chance = points((n) => numberAt(run, "chance_sigma_x", n, unit));
  /** @type {Series[]} */
  const series = [
    { name: "along a row", look, points: across },
    { name: "along a column", look, dash: "6 3", marker: "square", points: down },
    { name: "by chance", look: "soft", dash: "2 3", marker: "none", points: chance },
  ];
  const title = `width of unit ${unit} by round`;
  const chart = { x: "round", y: "width σ (pixels)", title, series, here: round, xs: roundsOf(run.nRounds) };
  const caption = "Below the dotted line the weights lie closer together than as many at random places would.";
  return addChart(cards, "Width over the rounds", caption, (width) => lineChart(chart, width), series);
}

/**
 * @param {HTMLElement} cards
 * @param {Shown} what
 */
function addKurtosis(cards, { run, round, unit }) {
  const points = byRound(run.nRounds, (n) => numberAt(run, "kurtosis", n, unit));
  const series = [{ name: "kurtosis", look: run.entry.method, points }];
  const title = `kurtosis of unit ${unit} by round`;
  const level = { value: 3, name: "Gaussian" };
  const chart = { x: "round", y: "kurtosis", title, series, here: round, level, xs: roundsOf(run.nRounds) };
  const caption = "Of the unit's preactivation. Above 3: heavier tails than a Gaussian.";
  return addChart(cards, "Kurtosis over the rounds", caption, (width) => lineChart(chart, width));
}

/**
 * @param {number} nRounds
 * @returns {[number, number]}
 */
function roundsOf(nRounds) {
  return [0, nRounds];
}
