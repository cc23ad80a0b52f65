/**
 * What the page holds, read back: a manifest as JSON, and blocks of bytes, each inflated when it is first asked for.
 *
 * @typedef {{name: string, shape: [number, number, number], clone_of: string | null}} Dataset
 * @typedef {{name: string, decimals: number, meaning: string, unit: string}} Column
 * @typedef {{dataset: string, method: string, seed: number, density: number[], masks: string, table: string,
 *   n_units: number}} RunEntry
 * @typedef {{dataset: string, seed: number, units: number[], n_images: number, full_weight: number, weights: string,
 *   full_scores: number[][], scores: string, score_means: {next: (number | null)[][], later: (number | null)[][]},
 *   histograms: Record<string, string>}} DetailEntry
 * @typedef {{statistic: string, dataset: string, method: string, rounds: number[], density: (number | null)[],
 *   mean: (number | null)[], min: (number | null)[], max: (number | null)[]}} Curve
 * @typedef {{dataset: string, claim: string, statement: string, place: string, statistic: string, rule: string,
 *   verdict: string, agreement: string | null, reason: string | null, value: number | null, minimum: number | null,
 *   maximum: number | null, null: number | null, interval_low: number | null, interval_high: number | null}} Claim
 * @typedef {{experiment: string, datasets: Dataset[], columns: Column[], levels: number, scored: string, bits: number, start: number,
 *   runs: RunEntry[], details: DetailEntry[], curves: Curve[], claims: Claim[], n_seeds: number}} Manifest
 * @typedef {{entry: RunEntry, lasts: Uint8Array, table: Record<string, Float64Array>, nUnits: number, nInputs: number,
 *   nRounds: number}} Run `lasts`: rounds that each weight survives; the mask of round n is `>= n`
 * @typedef {{entry: DetailEntry, weights: Uint8Array, scores: Uint8Array[][], histograms: Record<string, Float64Array>,
 *   bins: number}} Detail `scores`: by round and place of the unit, of the weights that are left, in their order
 */

/**
 * An element that the page surely has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page lacks #${id}`);
  return element;
}

/** @returns {Manifest} */
export function readManifest() {
  return JSON.parse(byId("manifest").textContent ?? "");
}

/**
 * @param {string} id
 * @returns {Promise<Uint8Array>}
 */
async function readBlock(id) {
  const text = atob(byId(id).textContent ?? "");
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * @param {Uint8Array} packed two numbers a byte, the first in the lower half
 * @param {number} length
 */
function fromNibbles(packed, length) {
  const values = new Uint8Array(length);
  for (let i = 0; i < length; i++) values[i] = i & 1 ? packed[i >> 1] >> 4 : packed[i >> 1] & 15;
  return values;
}

/**
 * @param {Uint8Array} bytes four planes of a column, lowest bytes first
 * @param {number} start
 * @param {number} length
 * @param {number} decimals
 */
function fromPlanes(bytes, start, length, decimals) {
  const values = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    let whole = 0;
    for (let plane = 3; plane >= 0; plane--) whole = whole * 256 + bytes[start + plane * length + i];
    values[i] = whole ? (whole - 1) / 10 ** decimals : Number.NaN;
  }
  return values;
}

/** @type {Map<string, Promise<Run>>} */
const runs = new Map();

/**
 * @param {Manifest} manifest
 * @param {RunEntry} entry
 * @returns {Promise<Run>}
 */
export function loadRun(manifest, entry) {
  const key = `${entry.dataset}/${entry.method}/${entry.seed}`;
  let run = runs.get(key);
  if (!run) {
    run = unpackRun(manifest, entry);
    runs.set(key, run);
  }
  return run;
}

/**
 * @param {Manifest} manifest
 * @param {RunEntry} entry
 * @returns {Promise<Run>}
 */
async function unpackRun(manifest, entry) {
  const shape = datasetOf(manifest, entry.dataset).shape;
  const nInputs = shape[0] * shape[1] * shape[2];
  const [masks, bytes] = await Promise.all([readBlock(entry.masks), readBlock(entry.table)]);
  const nRounds = entry.density.length - 1;
  const rows = entry.n_units * (nRounds + 1);
  /** @type {Record<string, Float64Array>} */
  const table = {};
  manifest.columns.forEach((column, k) => {
    table[column.name] = fromPlanes(bytes, 4 * k * rows, rows, column.decimals);
  });
  const lasts = manifest.bits === 4 ? fromNibbles(masks, entry.n_units * nInputs) : masks;
  return { entry, lasts, table, nUnits: entry.n_units, nInputs, nRounds };
}

/** @type {Map<string, Promise<Detail>>} */
const details = new Map();

/**
 * What is known of single units of a dataset and seed, if anything is.
 *
 * @param {Manifest} manifest
 * @param {string} dataset
 * @param {number} seed
 * @returns {Promise<Detail | null>}
 */
export async function loadDetail(manifest, dataset, seed) {
  const entry = detailEntry(manifest, dataset, seed);
  if (!entry) return null;
  const key = `${dataset}/${seed}`;
  let detail = details.get(key);
  if (!detail) {
    detail = unpackDetail(manifest, entry);
    details.set(key, detail);
  }
  return detail;
}

/**
 * @param {Manifest} manifest
 * @param {DetailEntry} entry
 * @returns {Promise<Detail>}
 */
async function unpackDetail(manifest, entry) {
  const scored = findRun(manifest, entry.dataset, manifest.scored, entry.seed);
  if (!scored) throw new Error(`there is no run with scores of ${entry.dataset}`);
  const [run, weights, packed] = await Promise.all([
    loadRun(manifest, scored),
    readBlock(entry.weights),
    readBlock(entry.scores),
  ]);
  const codes = fromNibbles(packed, 2 * packed.length);
  /** @type {Uint8Array[][]} */
  const scores = [];
  let start = 0;
  for (let n = 0; n < run.nRounds; n++) {
    scores.push(
      entry.units.map((unit) => {
        let left = 0;
        for (let i = unit * run.nInputs; i < (unit + 1) * run.nInputs; i++) if (run.lasts[i] >= n) left++;
        const some = codes.subarray(start, start + left);
        start += left;
        return some;
      }),
    );
  }
  /** @type {Record<string, Float64Array>} */
  const histograms = {};
  let bins = 0;
  for (const [method, id] of Object.entries(entry.histograms)) {
    const bytes = await readBlock(id);
    histograms[method] = fromPlanes(bytes, 0, bytes.length / 4, 0);
    bins = histograms[method].length / ((run.nRounds + 1) * Math.max(entry.units.length, 1));
  }
  return { entry, weights: fromNibbles(weights, entry.units.length * run.nInputs), scores, histograms, bins };
}

/**
 * @param {Manifest} manifest
 * @param {string} dataset
 * @param {number} seed
 */
export function detailEntry(manifest, dataset, seed) {
  return manifest.details.find((entry) => entry.dataset === dataset && entry.seed === seed);
}

/**
 * @param {Manifest} manifest
 * @param {string} dataset
 * @param {string} method
 * @param {number} seed
 */
export function findRun(manifest, dataset, method, seed) {
  return manifest.runs.find((run) => run.dataset === dataset && run.method === method && run.seed === seed);
}

/**
 * @param {Manifest} manifest
 * @param {string} name
 */
export function datasetOf(manifest, name) {
  const found = manifest.datasets.find((dataset) => dataset.name === name);
  if (!found) throw new Error(`there is no dataset ${name}`);
  return found;
}

/**
 * Different values of a list, in the order in which they come.
 *
 * @template T
 * @param {T[]} values
 */
export function distinct(values) {
  return [...new Set(values)];
}

/**
 * What the page calls a method.
 *
 * @param {string} method
 */
export function methodName(method) {
  return method === "imp" ? "IMP" : method;
}
