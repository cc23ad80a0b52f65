/**
 * The page: controls, keys and address say what is shown; everything is drawn from that.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./cards.js").Shown} Shown
 */
import { html, shown } from "./chart.js";
import {
  byId,
  datasetOf,
  detailEntry,
  distinct,
  findRun,
  loadDetail,
  loadRun,
  methodName,
  readManifest,
} from "./data.js";
import { drawClaims, drawCurves } from "./experiment.js";
import { drawGrid, listenToGrid, markUnit } from "./grid.js";
import { countWeights, numberAt, orderedUnits, widthOf } from "./masks.js";
import { numbersOf } from "./numbers.js";
import { formatState, parseState, stateKeys } from "./state.js";
import { drawUnit, unitSummary } from "./unit.js";

const manifest = readManifest();
const keys = stateKeys(manifest);
let { state, problems, others } = parseState(location.hash, keys);
let tableOpen = false;
let playing = 0;
let turn = 0;
let said = 0;
/** @type {Shown | null} */
let current = null;

/** @type {Record<string, string>} */
const ORDER_NAMES = {
  own: "their own",
  weights: "most weights left",
  width: "smallest width",
  kurtosis: "highest kurtosis",
};

/**
 * A choice from a few values.
 *
 * @param {keyof State} name
 * @param {string} label
 * @param {[string | number, string][]} options value and text
 * @param {string} [title]
 */
function select(name, label, options, title = "") {
  const box = document.createElement("select");
  box.id = `choose-${name}`;
  box.append(...options.map(([value, text]) => html("option", { value }, text)));
  box.addEventListener("change", () => {
    const value = options.find(([one]) => String(one) === box.value)?.[0];
    if (value !== undefined) change({ [name]: value });
  });
  const around = html("label", title ? { title } : {}, label, box);
  return around;
}

function buildControls() {
  const datasets = manifest.datasets.filter((one) => manifest.runs.some((run) => run.dataset === one.name));
  const methods = distinct(manifest.runs.map((run) => run.method));
  const seeds = distinct(manifest.runs.map((run) => run.seed));
  const range = html("input", { type: "range", id: "choose-round", min: 0, max: keys.round.allowed[1], step: 1 });
  range.addEventListener("input", () => change({ round: Number(/** @type {HTMLInputElement} */ (range).value) }));
  const play = html("button", { type: "button", id: "play" }, "▶ Play");
  play.addEventListener("click", togglePlay);
  const round = html(
    "div",
    { class: "field round" },
    html("label", { for: "choose-round", id: "round-label" }, "Round"),
  );
  round.append(html("div", { class: "round-row" }, play, range));
  byId("controls").append(
    select(
      "dataset",
      "Dataset",
      datasets.map((one) => [one.name, one.clone_of ? `${one.name} (Gaussian)` : one.name]),
    ),
    select(
      "method",
      "Method",
      methods.map((method) => [method, methodName(method)]),
    ),
    select(
      "seed",
      "Seed",
      seeds.map((seed) => [seed, String(seed)]),
    ),
    round,
  );
  byId("page-options").append(
    select("theme", "Colours", [
      ["system", "as the system"],
      ["light", "light"],
      ["dark", "dark"],
    ]),
    select(
      "keys",
      "Single keys",
      [
        ["on", "on"],
        ["off", "off"],
      ],
      "shortcuts of one key, such as [ and ]",
    ),
  );
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  const number = html("input", { type: "number", id: "choose-unit", min: 0, max: keys.unit.allowed[1], step: 1 });
  number.addEventListener("change", () => {
    const unit = Number(/** @type {HTMLInputElement} */ (number).value);
    if (Number.isInteger(unit) && unit >= 0 && unit <= Number(keys.unit.allowed[1])) change({ unit });
    else update();
  });
  byId("grid-options").append(
    select("order", "Order", Object.entries(ORDER_NAMES), "by what the units have after the last round"),
    select("size", "Pictures", [
      [1, "small"],
      [2, "medium"],
      [3, "large"],
    ]),
    html("label", {}, "Unit", number),
  );
  const runs = distinct(manifest.runs.map((run) => `${run.dataset}/${run.method}`));
  byId("unit-options").append(
    select("beside", "Beside it, the same unit on", [
      ["nothing", "nothing"],
      ...runs.map((run) => /** @type {[string, string]} */ ([run, besideName(run)])),
    ]),
    select("scale", "Histogram's scale", [
      ["linear", "linear"],
      ["log", "logarithmic, to see the tails"],
    ]),
    knownButton("Previous unit with details", -1),
    knownButton("Next", 1),
  );
}

/**
 * @param {string} run
 */
function besideName(run) {
  const [dataset, method] = run.split("/");
  return `${dataset}, ${methodName(method)}`;
}

/**
 * To the next or the previous unit of which weights and scores are in the page.
 *
 * @param {string} text
 * @param {number} step
 */
function knownButton(text, step) {
  const button = html("button", { type: "button", "aria-label": step > 0 ? "Next unit with details" : text }, text);
  button.addEventListener("click", () => {
    const units = current?.detail?.entry.units ?? [];
    const target = step > 0 ? units.find((unit) => unit > state.unit) : units.findLast((unit) => unit < state.unit);
    const round = step > 0 ? units[0] : units[units.length - 1];
    if (units.length) change({ unit: target ?? round });
  });
  return button;
}

/** @param {Partial<State>} changes */
function change(changes) {
  state = { ...state, ...changes };
  problems = [];
  try {
    history.replaceState(null, "", `#${formatState(state, keys, others)}`);
  } catch {
    // A page inside a frame without an origin has no address to write to.
  }
  update();
}

function togglePlay() {
  if (playing) stop();
  else {
    if (state.round >= Number(keys.round.allowed[1])) change({ round: 0 });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    playing = window.setInterval(playOn, still ? 1600 : 700);
    byId("play").textContent = "■ Stop";
  }
}

function playOn() {
  if (state.round < Number(keys.round.allowed[1])) change({ round: state.round + 1 });
  if (state.round >= Number(keys.round.allowed[1])) stop();
}

function stop() {
  clearInterval(playing);
  playing = 0;
  byId("play").textContent = "▶ Play";
  announce();
}

/** Say what is selected, once it has stayed so for a moment. */
function announce() {
  clearTimeout(said);
  if (playing) return;
  said = window.setTimeout(() => {
    if (current) byId("live").textContent = unitSummary(current);
  }, 250);
}

/**
 * All that is needed to draw a unit of a run.
 *
 * @param {string} dataset
 * @param {string} method
 * @returns {Promise<Shown | null>}
 */
async function load(dataset, method) {
  const entry = findRun(manifest, dataset, method, state.seed);
  if (!entry) return null;
  const [run, detail] = await Promise.all([loadRun(manifest, entry), loadDetail(manifest, dataset, state.seed)]);
  const { round, unit, scale } = state;
  return {
    run,
    detail,
    dataset: datasetOf(manifest, dataset),
    round,
    unit,
    scale,
    levels: manifest.levels,
    scored: manifest.scored,
  };
}

async function update() {
  const mine = ++turn;
  document.documentElement.dataset.theme = state.theme;
  fillControls();
  const entry = findRun(manifest, state.dataset, state.method, state.seed);
  if (!entry) throw new Error("the page lacks this run");
  // The grid first: what is known of single units is not needed for it.
  const run = await loadRun(manifest, entry);
  if (mine !== turn) return;
  const dataset = datasetOf(manifest, state.dataset);
  const known = detailEntry(manifest, state.dataset, state.seed)?.units ?? [];
  drawGrid(run, state.round, orderedUnits(run, state.order), dataset.shape, state.size, known);
  document.documentElement.dataset.drawn = "grid";
  if (mine === 1) performance.mark("first picture");
  const what = await load(state.dataset, state.method);
  const [besideDataset, besideMethod] = state.beside.split("/");
  const other = state.beside === "nothing" ? null : await load(besideDataset, besideMethod);
  if (mine !== turn || !what) return;
  current = what;
  markUnit(state.unit, unitSummary(what));
  noteGrid(null);
  const together = other ? [what, other] : [what];
  const columns = together.map(() => html("article", {}));
  byId("units").className = other ? "units two" : "units";
  byId("units").replaceChildren(...columns);
  together.forEach((one, k) => {
    drawUnit(columns[k], one);
    columns[k].append(numbersOf(one, tableOpen, (open) => (tableOpen = open)));
  });
  byId("units").style.setProperty("--cards", String(Math.max(...columns.map(countCards))));
  drawCurves(manifest, run, state.round, state.unit);
  drawClaims(manifest, state.dataset);
  document.documentElement.dataset.drawn = formatState(state, keys, []) || "all";
  announce();
}

/** @param {HTMLElement} column */
function countCards(column) {
  return column.querySelectorAll("figure").length;
}

function fillControls() {
  for (const name of Object.keys(keys)) {
    const box = document.getElementById(`choose-${name}`);
    if (box instanceof HTMLSelectElement || box instanceof HTMLInputElement) {
      box.value = String(state[/** @type {keyof State} */ (name)]);
    }
  }
  const entry = findRun(manifest, state.dataset, state.method, state.seed);
  const density = entry?.density[state.round] ?? 1;
  const left = `${(100 * density).toPrecision(density < 1 ? 2 : 3)} % of the weights left`;
  byId("round-label").textContent = `Round ${state.round} of ${keys.round.allowed[1]}: ${left}`;
  byId("choose-round").setAttribute("aria-valuetext", `round ${state.round}, ${left}`);
  byId("problems").hidden = problems.length === 0;
  byId("problems").textContent = problems.length ? `The address asks for what is not there. ${problems.join(" ")}` : "";
}

/**
 * What stands below the grid: the unit under the pointer, or how to read the pictures.
 *
 * @param {number | null} unit
 */
function noteGrid(unit) {
  if (!current) return;
  const { run, round, detail } = current;
  if (unit === null) {
    const known = detail
      ? ` Diamonds: the ${detail.entry.units.length} units of which weights and scores are here too.`
      : "";
    const colours =
      current.dataset.shape[0] === 3 ? "weights left, in the colour of their channel" : "weights left, white";
    byId("grid-note").textContent = `${run.nUnits} units; each picture: ${colours}.${known}`;
    return;
  }
  byId("grid-note").textContent =
    `Unit ${unit}: ${countWeights(run, round, unit)} weights, width ${shown(widthOf(run, round, unit))} px, kurtosis ${shown(numberAt(run, "kurtosis", round, unit))}`;
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const typing = event.target instanceof HTMLElement && event.target.matches("select, input[type='number']");
  if (state.keys === "off" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const methods = keys.method.allowed;
  const last = Number(keys.round.allowed[1]);
  if (event.key === "[" && state.round > 0) change({ round: state.round - 1 });
  else if (event.key === "]" && state.round < last) change({ round: state.round + 1 });
  else if (event.key === "p") togglePlay();
  else if (/^[1-9]$/.test(event.key) && Number(event.key) <= methods.length) {
    change({ method: String(methods[Number(event.key) - 1]) });
  } else return;
  event.preventDefault();
}

byId("experiment").textContent = manifest.experiment;
document.title = `${manifest.experiment}: winnow explorer`;
buildControls();
listenToGrid(
  () => state.unit,
  (unit) => change({ unit }),
  noteGrid,
);
document.addEventListener("keydown", pressed);
addEventListener("hashchange", () => {
  if (location.hash && !location.hash.includes("=")) return; // an anchor within the page
  ({ state, problems, others } = parseState(location.hash, keys));
  update();
});
let wide = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== wide) update();
  wide = innerWidth;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => update());
update();
