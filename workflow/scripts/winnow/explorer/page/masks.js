/**
 * What is computed from masks in the page: counts, orders, autocorrelations.
 *
 * @typedef {import("./data.js").Run} Run
 */

/**
 * Weights of a unit that are left after a round.
 *
 * @param {Run} run
 * @param {number} round
 * @param {number} unit
 */
export function countWeights(run, round, unit) {
  let count = 0;
  for (let i = unit * run.nInputs; i < (unit + 1) * run.nInputs; i++) if (run.lasts[i] >= round) count++;
  return count;
}

/**
 * A number of a run's table.
 *
 * @param {Run} run
 * @param {string} column
 * @param {number} round
 * @param {number} unit
 */
export function numberAt(run, column, round, unit) {
  return run.table[column][round * run.nUnits + unit];
}

/**
 * Width of a unit's receptive field in pixels; NaN where there is none, or the fit has not converged.
 *
 * @param {Run} run
 * @param {number} round
 * @param {number} unit
 * @param {"x" | "y"} [axis]
 */
export function widthOf(run, round, unit, axis = "x") {
  return numberAt(run, "converged", round, unit) === 1 ? numberAt(run, `sigma_${axis}`, round, unit) : Number.NaN;
}

/**
 * Close pairs of a unit's weights over those to expect by chance; NaN where there is nothing to compare.
 *
 * @param {Run} run
 * @param {number} round
 * @param {number} unit
 */
export function closePairs(run, round, unit) {
  return numberAt(run, "close_pairs", round, unit) / numberAt(run, "close_pairs_expected", round, unit);
}

/**
 * The units in an order: by what they have after the last round, so that none moves while the rounds play.
 *
 * @param {Run} run
 * @param {string} order own, weights, width or kurtosis
 */
export function orderedUnits(run, order) {
  const units = Array.from({ length: run.nUnits }, (_, unit) => unit);
  if (order === "own") return units;
  const key = units.map((unit) => {
    if (order === "weights") return -countWeights(run, run.nRounds, unit);
    const value = order === "width" ? widthOf(run, run.nRounds, unit) : -numberAt(run, "kurtosis", run.nRounds, unit);
    return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
  });
  return units.sort((a, b) => (key[a] === key[b] ? a - b : key[a] < key[b] ? -1 : 1));
}

/**
 * S(d): pairs of weights of one channel a displacement d apart, each counted once as d and once as -d (Eq. 1).
 *
 * @param {Run} run
 * @param {number} round
 * @param {number} unit
 * @param {[number, number, number]} shape
 * @returns {{values: Int32Array, rows: number, columns: number}} d = 0 lies in the middle
 */
export function autocorrelation(run, round, unit, [channels, height, width]) {
  const rows = 2 * height - 1;
  const columns = 2 * width - 1;
  const values = new Int32Array(rows * columns);
  const middle = (height - 1) * columns + width - 1;
  for (let channel = 0; channel < channels; channel++) {
    const start = unit * run.nInputs + channel * height * width;
    // A place as its index in S: then a displacement is a difference of two places.
    const places = [];
    for (let i = 0; i < height * width; i++) {
      if (run.lasts[start + i] >= round) places.push(Math.floor(i / width) * columns + (i % width));
    }
    for (let a = 0; a < places.length; a++) {
      for (let b = 0; b < places.length; b++) values[middle + places[a] - places[b]]++;
    }
  }
  return { values, rows, columns };
}
