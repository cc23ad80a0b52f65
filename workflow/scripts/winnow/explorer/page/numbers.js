/**
 * The numbers behind the pictures: a table of the unit, and CSV files, made in the page.
 *
 * @typedef {import("./data.js").Run} Run
 * @typedef {import("./cards.js").Shown} Shown
 */
import { html } from "./chart.js";
import { methodName } from "./data.js";
import { countWeights, numberAt } from "./masks.js";

const HEAD = [
  ["round", "pruning rounds done"],
  ["density", "share of all prunable parameters left"],
  ["n_weights", "weights of the unit"],
  ["sigma_x", "width along a row (pixels)"],
  ["sigma_y", "width along a column (pixels)"],
  ["converged", "whether the fit of the widths converged"],
  ["chance_sigma_x", "width by chance (pixels)"],
  ["close_pairs", "pairs of weights less than 3.5 pixels apart"],
  ["close_pairs_expected", "as many by chance"],
  ["kurtosis", "kurtosis of the preactivation"],
  ["cavity_next", "mean cavity score of the weights that the next round removes"],
  ["cavity_later", "mean cavity score of those that stay longer"],
];

/**
 * A row of numbers of a unit, in the order of the head; missing ones are empty.
 *
 * @param {Shown} what
 * @param {number} round
 * @param {number} unit
 * @param {number} weights
 */
function rowOf({ run, detail, scored }, round, unit, weights) {
  const place = detail && run.entry.method === scored ? detail.entry.units.indexOf(unit) : -1;
  const decimals = /** @type {Record<string, number>} */ ({
    sigma_x: 2,
    sigma_y: 2,
    chance_sigma_x: 2,
    close_pairs_expected: 1,
    kurtosis: 3,
  });
  return HEAD.map(([name]) => {
    if (name === "round") return String(round);
    if (name === "density") return String(run.entry.density[round]);
    if (name === "n_weights") return String(weights);
    if (name.startsWith("cavity")) {
      const means = detail?.entry.score_means[name === "cavity_next" ? "next" : "later"];
      return String((place >= 0 ? means?.[round]?.[place] : null) ?? "");
    }
    const value = numberAt(run, name, round, unit);
    if (Number.isNaN(value)) return "";
    return name === "converged" ? (value ? "yes" : "no") : value.toFixed(decimals[name] ?? 0);
  });
}

/**
 * A unit's numbers after every round.
 *
 * @param {Shown} what
 */
function unitRows(what) {
  const rows = [];
  for (let round = 0; round <= what.run.nRounds; round++) {
    rows.push(rowOf(what, round, what.unit, countWeights(what.run, round, what.unit)));
  }
  return rows;
}

/**
 * The table below a unit, with the buttons that save it.
 *
 * @param {Shown} what
 * @param {boolean} open
 * @param {(open: boolean) => void} toggled
 */
export function numbersOf(what, open, toggled) {
  const { run, round, unit } = what;
  const names = [
    "Round",
    "Share left",
    "Weights",
    "σ row",
    "σ column",
    "Fit converged",
    "σ by chance",
    "Close pairs",
    "By chance",
    "Kurtosis",
    "Score, next",
    "Score, later",
  ];
  const table = html(
    "table",
    {},
    html("caption", {}, `Unit ${unit}, ${run.entry.dataset}, ${methodName(run.entry.method)}; widths σ in pixels`),
    html(
      "thead",
      {},
      html("tr", {}, ...names.map((name, k) => html("th", { scope: "col", class: "number", title: HEAD[k][1] }, name))),
    ),
    html(
      "tbody",
      {},
      ...unitRows(what).map((row, n) =>
        html(
          "tr",
          n === round ? { class: "now", "aria-current": "true" } : {},
          html("th", { scope: "row", class: "number" }, row[0]),
          ...row.slice(1).map((cell) => html("td", { class: "number" }, cell || "–")),
        ),
      ),
    ),
  );
  const one = html("button", { type: "button", class: "save-unit" }, "Save this unit (CSV)");
  one.addEventListener("click", () => save(`unit${unit}`, what, unitCsv(what)));
  const all = html("button", { type: "button", class: "save-round" }, `Save all units after round ${round} (CSV)`);
  all.addEventListener("click", () => save(`round${round}`, what, roundCsv(what)));
  const region = {
    class: "scroll",
    tabindex: "0",
    role: "region",
    "aria-label": `numbers of unit ${unit}, ${methodName(run.entry.method)}, ${run.entry.dataset}`,
  };
  const details = html(
    "details",
    open ? { open: "" } : {},
    html("summary", {}, "The same in numbers, round by round"),
    html("div", region, table),
    html("p", { class: "options" }, one, all),
  );
  details.addEventListener("toggle", () => toggled(details.hasAttribute("open")));
  return details;
}

/** @param {Run} run */
function keysOf(run) {
  return [run.entry.dataset, run.entry.method, String(run.entry.seed)];
}

/** @param {Shown} what */
function unitCsv(what) {
  return csv(unitRows(what).map((row) => [...keysOf(what.run), String(what.unit), ...row]));
}

/** @param {Shown} what */
function roundCsv(what) {
  const { run, round } = what;
  const rows = [];
  for (let unit = 0; unit < run.nUnits; unit++) {
    rows.push([...keysOf(run), String(unit), ...rowOf(what, round, unit, countWeights(run, round, unit))]);
  }
  return csv(rows);
}

/** @param {string[][]} rows */
function csv(rows) {
  const head = ["dataset", "method", "seed", "unit", ...HEAD.map(([name]) => name)];
  return `${[head, ...rows].map((row) => row.join(",")).join("\n")}\n`;
}

/**
 * @param {string} name
 * @param {Shown} what
 * @param {string} text
 */
function save(name, { run }, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = `${keysOf(run).join("_")}_${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
