/**
 * What belongs to the whole experiment: curves over seeds with the unit's point on them, the claims.
 *
 * @typedef {import("./data.js").Manifest} Manifest
 * @typedef {import("./data.js").Run} Run
 * @typedef {import("./chart.js").Series} Series
 */
import { addChart } from "./cards.js";
import { html, lineChart, shown } from "./chart.js";
import { byId, methodName } from "./data.js";
import { numberAt, widthOf } from "./masks.js";

/** @type {Record<string, {dash: string, marker: Series["marker"]}>} */
const LOOKS = {
  imp: { dash: "none", marker: "dot" },
  oneshot: { dash: "6 3", marker: "square" },
  random: { dash: "2 3", marker: "triangle" },
};

/**
 * @param {Manifest} manifest
 * @param {string} statistic
 * @param {string} dataset
 * @returns {Series[]}
 */
function seriesOf(manifest, statistic, dataset) {
  const clone = manifest.datasets.find((one) => one.clone_of === dataset);
  return manifest.curves
    .filter((curve) => curve.statistic === statistic)
    .filter((curve) => curve.dataset === dataset || (curve.dataset === clone?.name && curve.method === manifest.scored))
    .map((curve) => {
      const own = curve.dataset === dataset;
      const number = (/** @type {number | null} */ value) => value ?? Number.NaN;
      return {
        name: own ? methodName(curve.method) : `${methodName(curve.method)}, Gaussian clone`,
        look: own ? curve.method : "clone",
        ...(own ? (LOOKS[curve.method] ?? LOOKS.imp) : { dash: "8 3 2 3", marker: /** @type {const} */ ("diamond") }),
        points: curve.rounds.map((n, i) => /** @type {[number, number]} */ ([n, number(curve.mean[i])])),
        band: curve.rounds.map(
          (n, i) => /** @type {[number, number, number]} */ ([n, number(curve.min[i]), number(curve.max[i])]),
        ),
      };
    });
}

/**
 * @param {Manifest} manifest
 * @param {Run} run
 * @param {number} round
 * @param {number} unit
 */
export function drawCurves(manifest, run, round, unit) {
  const dataset = run.entry.dataset;
  const seeds =
    manifest.n_seeds === 1
      ? "the one seed"
      : `the mean over ${manifest.n_seeds} seeds, bands from the lowest to the highest`;
  byId("curves-note").textContent =
    `${dataset}: lines are ${seeds}; the ring is unit ${unit} under ${methodName(run.entry.method)} after round ${round}.`;
  const density = run.entry.density;
  const ticks = (/** @type {number} */ n) => [String(n), `${(100 * density[n]).toPrecision(density[n] < 1 ? 2 : 3)} %`];
  const x = "round, and share of weights left";
  const accuracy = manifest.curves.some((curve) => curve.statistic === "validation_accuracy");
  const charts = [
    {
      statistic: "sigma_x",
      y: "mean width σ (pixels)",
      value: widthOf(run, round, unit),
      title: "Width",
      caption: "Mean over units along a row. Lower: more local.",
    },
    {
      statistic: "kurtosis",
      y: "mean kurtosis",
      value: numberAt(run, "kurtosis", round, unit),
      title: "Kurtosis of the preactivations",
      caption: "Mean over units, over all validation images.",
      level: { value: 3, name: "Gaussian" },
    },
    ...(accuracy
      ? [
          {
            statistic: "validation_accuracy",
            y: "validation accuracy",
            value: Number.NaN,
            title: "Accuracy",
            caption: "At the end of the training with each mask; a property of the network, so no unit has one.",
          },
        ]
      : []),
  ];
  const cards = byId("curve-cards");
  cards.replaceChildren();
  const drawings = charts.map(({ statistic, y, value, title, caption, level }) => {
    const series = seriesOf(manifest, statistic, dataset);
    /** @type {[number, number][]} */
    const rings = Number.isFinite(value) ? [[round, value]] : [];
    const xs = /** @type {[number, number]} */ ([0, run.nRounds]);
    const chart = { x, y, title: `${title} by round`, series, ticks, here: round, rings, level, xs };
    return addChart(cards, title, caption, (width) => lineChart(chart, width), series);
  });
  for (const draw of drawings) draw();
}

const SIGNS = /** @type {Record<string, string>} */ ({ supported: "✓", "not supported": "✗", undetermined: "?" });

/**
 * @param {Manifest} manifest
 * @param {string} dataset
 */
export function drawClaims(manifest, dataset) {
  const original = manifest.datasets.find((one) => one.name === dataset)?.clone_of ?? dataset;
  const claims = manifest.claims.filter((claim) => claim.dataset === original);
  byId("claims-note").textContent = claims.length
    ? `${original}, over ${manifest.n_seeds} seed${manifest.n_seeds === 1 ? "" : "s"}: a demonstration on these data and settings, no test of the paper at its own size.`
    : `No claim was checked on ${original}.`;
  const head = ["Claim", "Verdict", "The paper says", "Measured by", "Value", "Seeds"];
  const rows = claims.map((claim) => {
    const interval =
      claim.interval_low === null
        ? ""
        : `, 95 % interval ${short(claim.interval_low)} to ${short(claim.interval_high)}`;
    const chance = claim.null === null ? "" : ` (no effect: ${short(claim.null)})`;
    return html(
      "tr",
      {},
      html("th", { scope: "row" }, claim.claim),
      html("td", { class: "verdict" }, `${SIGNS[claim.verdict] ?? "?"} ${claim.verdict}`),
      html("td", {}, claim.statement, html("div", { class: "note" }, claim.place)),
      html("td", { "data-name": head[3] }, claim.statistic, html("div", { class: "note" }, claim.rule)),
      html("td", { "data-name": head[4] }, claim.value === null ? "–" : `${short(claim.value)}${chance}${interval}`),
      html("td", { "data-name": head[5] }, claim.agreement ?? claim.reason ?? ""),
    );
  });
  byId("claims-table").replaceChildren(
    html("thead", {}, html("tr", {}, ...head.map((name) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, ...rows),
  );
}

/** @param {number | null} value */
function short(value) {
  return value === null ? shown(value) : String(Number(value.toPrecision(3)));
}
