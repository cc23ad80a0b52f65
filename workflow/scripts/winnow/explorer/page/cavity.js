/**
 * Cavity scores of a unit's weights: as a map, and their means over the rounds.
 *
 * @typedef {import("./cards.js").Shown} Shown
 * @typedef {import("./chart.js").Series} Series
 */
import { addCard, addChart, addPanel, byRound, channelNames, placeOf } from "./cards.js";
import { html, lineChart } from "./chart.js";
import { methodName } from "./data.js";
import { drawSquares } from "./draw.js";

/**
 * The map of the scores; after the last round, when none is removed any more, that of the round before.
 *
 * @param {HTMLElement} cards
 * @param {Shown} what
 * @returns {(() => void) | undefined}
 */
export function addScores(cards, what) {
  const { run, detail, dataset, unit, levels, scored } = what;
  const place = placeOf(what);
  if (!detail || place < 0) return undefined;
  if (run.entry.method !== scored) {
    const method = methodName(scored);
    addCard(cards, "Cavity scores", `They are in this page for the masks of ${method} only: choose that method.`);
    return undefined;
  }
  const round = Math.min(what.round, run.nRounds - 1);
  const full = detail.entry.full_scores[round][place];
  const [channels, rows, columns] = dataset.shape;
  const panels = html("div", { class: channels > 1 ? "panels three wide" : "panels" });
  const caption =
    `What would removing one weight do? Filled: the unit would become less Gaussian; hollow: more Gaussian; area is ` +
    `size, and a full square is ${full.toPrecision(2)} or more. Crossed: the weights that round ${round + 1} removes.`;
  const before = round < what.round ? ", before the last" : "";
  addCard(cards, `Cavity scores after round ${round}${before}`, caption, panels);
  const start = unit * run.nInputs;
  const codes = new Uint8Array(run.nInputs);
  let k = 0;
  for (let i = 0; i < run.nInputs; i++) {
    if (run.lasts[start + i] >= round) codes[i] = detail.scores[round][place][k++];
  }
  const names = channelNames(dataset);
  const canvases = names.map((name) => addPanel(panels, name, `cavity scores of unit ${unit}, ${name}`));
  return () => {
    for (let channel = 0; channel < channels; channel++) {
      const first = channel * rows * columns;
      const goes = (/** @type {number} */ i) => run.lasts[start + first + i] === round;
      drawSquares(canvases[channel], [rows, columns], (i) => codes[first + i], levels, goes);
    }
  };
}

/**
 * Mean scores of what the next round removes, and of what stays longer.
 *
 * @param {HTMLElement} cards
 * @param {Shown} what
 * @returns {(() => void) | undefined}
 */
export function addScoreHistory(cards, what) {
  const { run, detail, round, unit, scored } = what;
  const place = placeOf(what);
  if (!detail || place < 0 || run.entry.method !== scored) return undefined;
  const { next, later } = detail.entry.score_means;
  const at = (/** @type {(number | null)[][]} */ means) =>
    byRound(run.nRounds - 1, (n) => means[n][place] ?? Number.NaN);
  /** @type {Series[]} */
  const series = [
    { name: "removed by the next round", look: "plus", points: at(next) },
    { name: "stay longer", look: "minus", dash: "6 3", marker: "square", points: at(later) },
  ];
  const chart = {
    x: "rounds done",
    y: "mean score",
    title: `mean cavity score of unit ${unit} by round`,
    series,
    here: round,
    level: { value: 0, name: "" },
    xs: /** @type {[number, number]} */ ([0, run.nRounds]),
  };
  const caption = "Mean over the unit's weights. The paper expects the first above zero, the second below.";
  return addChart(cards, "Cavity scores over the rounds", caption, (width) => lineChart(chart, width), series);
}
