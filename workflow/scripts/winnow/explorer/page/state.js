/**
 * What is shown, and how it stands in the address: one table of keys, each with its values and its default.
 *
 * @typedef {import("./data.js").Manifest} Manifest
 * @typedef {{dataset: string, method: string, seed: number, round: number, unit: number, order: string, beside: string,
 *   scale: string, size: number, theme: string, keys: string}} State
 * @typedef {{fallback: string | number, allowed: (string | number)[] | [number, number], whole?: boolean}} Key
 *   `whole`: any whole number between the two that are allowed
 */
import { distinct } from "./data.js";

export const ORDERS = ["own", "weights", "width", "kurtosis"];

/**
 * @param {Manifest} manifest
 * @returns {Record<keyof State, Key>}
 */
export function stateKeys(manifest) {
  const methods = distinct(manifest.runs.map((run) => run.method));
  const seeds = distinct(manifest.runs.map((run) => run.seed));
  const first = manifest.runs[0];
  const dataset = first.dataset;
  const rounds = first.density.length - 1;
  const runs = distinct(manifest.runs.map((run) => `${run.dataset}/${run.method}`));
  return {
    dataset: { fallback: dataset, allowed: manifest.datasets.map((one) => one.name) },
    method: { fallback: methods[0], allowed: methods },
    seed: { fallback: seeds[0], allowed: seeds },
    round: { fallback: rounds, allowed: [0, rounds], whole: true },
    unit: { fallback: manifest.start, allowed: [0, first.n_units - 1], whole: true },
    order: { fallback: "own", allowed: ORDERS },
    beside: { fallback: "nothing", allowed: ["nothing", ...runs] },
    scale: { fallback: "linear", allowed: ["linear", "log"] },
    size: { fallback: 1, allowed: [1, 2, 3] },
    theme: { fallback: "system", allowed: ["system", "light", "dark"] },
    keys: { fallback: "on", allowed: ["on", "off"] },
  };
}

/**
 * The state that an address asks for.  What it asks for in vain is named; keys of others are kept.
 *
 * @param {string} hash
 * @param {Record<keyof State, Key>} keys
 * @returns {{state: State, problems: string[], others: [string, string][]}}
 */
export function parseState(hash, keys) {
  /** @type {Record<string, string | number>} */
  const state = {};
  for (const [name, key] of Object.entries(keys)) state[name] = key.fallback;
  /** @type {string[]} */
  const problems = [];
  /** @type {[string, string][]} */
  const others = [];
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(keys, name)) {
      // An anchor of the page, such as #words, is no key.
      if (text !== "" || hash.includes("=")) others.push([name, text]);
      continue;
    }
    const key = keys[/** @type {keyof State} */ (name)];
    const value = parseValue(text, key);
    if (value === null) problems.push(`${name}=${text} is ${expected(key)}; ${key.fallback} is shown.`);
    else state[name] = value;
  }
  return { state: /** @type {State} */ (/** @type {unknown} */ (state)), problems, others };
}

/**
 * @param {string} text
 * @param {Key} key
 */
function parseValue(text, key) {
  if (key.whole) {
    const value = Number(text);
    const [low, high] = key.allowed.map(Number);
    return /^\d+$/.test(text) && value >= low && value <= high ? value : null;
  }
  return key.allowed.find((value) => String(value) === text) ?? null;
}

/** @param {Key} key */
function expected(key) {
  return key.whole
    ? `no whole number from ${key.allowed[0]} to ${key.allowed[1]}`
    : `none of ${key.allowed.join(", ")}`;
}

/**
 * An address for a state: what differs from the default, then the keys of others.
 *
 * @param {State} state
 * @param {Record<keyof State, Key>} keys
 * @param {[string, string][]} others
 */
export function formatState(state, keys, others) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value !== keys[/** @type {keyof State} */ (name)].fallback) parameters.set(name, String(value));
  }
  for (const [name, text] of others) parameters.append(name, text);
  return parameters.toString().replaceAll("%2F", "/");
}
