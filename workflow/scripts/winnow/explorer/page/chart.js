/**
 * Charts as SVG: lines over rounds, histograms; and text that they and the rest of the page share.
 *
 * @typedef {{name: string, look: string, dash?: string, marker?: "dot" | "square" | "triangle" | "diamond" | "none",
 *   points: [number, number][], band?: [number, number, number][]}} Series `band`: x, low, high
 * @typedef {{x: string, y: string, title: string, series: Series[], ticks?: (x: number) => string[],
 *   here?: number, rings?: [number, number][], level?: {value: number, name: string}, xs?: [number, number]}} Chart
 */

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 46;
const RIGHT = 10;
const TOP = 8;

/**
 * An element with attributes and children.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * A number for people; a dash where there is none.
 *
 * @param {number | null | undefined} value
 * @param {number} [decimals]
 */
export function shown(value, decimals = 2) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(decimals);
}

/**
 * Round numbers along an axis.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} most how many
 */
export function niceTicks(low, high, most = 5) {
  const rough = (high - low || 1) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(k * step);
  return ticks.map((tick) => Number(tick.toPrecision(12)));
}

/**
 * A chart of lines.
 *
 * @param {Chart} chart
 * @param {number} width in pixels
 */
export function lineChart(chart, width) {
  const height = 210;
  const bottom = chart.ticks ? 46 : 36;
  const points = chart.series.flatMap((series) => [
    ...series.points,
    ...(series.band ?? []).flatMap(
      ([x, low, high]) =>
        /** @type {[number, number][]} */ ([
          [x, low],
          [x, high],
        ]),
    ),
  ]);
  for (const ring of chart.rings ?? []) points.push(ring);
  const [x0, x1] = chart.xs ?? range(points.map(([x]) => x));
  const ys = points.map(([, y]) => y);
  if (chart.level) ys.push(chart.level.value);
  let [y0, y1] = range(ys);
  const margin = (y1 - y0 || Math.abs(y1) || 1) * 0.07;
  y0 = y0 >= 0 && y0 - margin < 0 ? 0 : y0 - margin;
  y1 += margin;
  const toX = (/** @type {number} */ x) => LEFT + ((x - x0) / (x1 - x0 || 1)) * (width - LEFT - RIGHT);
  const toY = (/** @type {number} */ y) => TOP + (1 - (y - y0) / (y1 - y0 || 1)) * (height - TOP - bottom);
  const root = frame({ ...chart, whole: true }, width, height, bottom, [x0, x1], [y0, y1], toX, toY);
  if (!points.length) root.append(svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "no values"));
  if (chart.level) {
    const y = toY(chart.level.value);
    root.append(svg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y, y2: y, "stroke-dasharray": "6 4" }));
    root.append(svg("text", { x: LEFT + 6, y: y - 4 }, chart.level.name));
  }
  if (chart.here !== undefined) {
    const x = toX(chart.here);
    root.append(svg("line", { class: "here", x1: x, x2: x, y1: TOP, y2: height - bottom }));
  }
  for (const series of chart.series) {
    const group = svg("g", { class: series.look });
    if (series.band?.length) {
      const upper = series.band.map(([x, , high]) => `${toX(x)},${toY(high)}`);
      const lower = series.band.map(([x, low]) => `${toX(x)},${toY(low)}`).reverse();
      group.append(svg("polygon", { class: "band", points: [...upper, ...lower].join(" ") }));
    }
    const path = series.points.map(([x, y], i) => `${i ? "L" : "M"}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`).join("");
    if (path) group.append(svg("path", { class: "line", d: path, "stroke-dasharray": series.dash ?? "none" }));
    for (const [x, y] of series.points) group.append(...marker(series.marker ?? "dot", toX(x), toY(y)));
    root.append(group);
  }
  for (const [x, y] of chart.rings ?? []) {
    root.append(svg("circle", { class: "ring", cx: toX(x), cy: toY(y), r: 7 }));
  }
  return root;
}

/**
 * Bars beside a Gaussian of the same variance.
 *
 * @param {{counts: number[], edges: [number, number], total: number, log: boolean, title: string}} histogram
 * @param {number} width in pixels
 */
export function histogramChart({ counts, edges, total, log, title }, width) {
  const height = 210;
  const bottom = 36;
  const step = (edges[1] - edges[0]) / counts.length;
  const least = 1 / (total * step); // the density of a single image in a bin
  const densities = counts.map((count) => count / (total * step));
  const gaussian = (/** @type {number} */ z) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  const top = Math.max(0.42, ...densities) * (log ? 1.6 : 1.06);
  const y0 = log ? least / 2 : 0;
  const scaled = (/** @type {number} */ y) => (log ? Math.log(Math.max(y, y0) / y0) / Math.log(top / y0) : y / top);
  const toX = (/** @type {number} */ x) => LEFT + ((x - edges[0]) / (edges[1] - edges[0])) * (width - LEFT - RIGHT);
  const toY = (/** @type {number} */ y) => TOP + (1 - scaled(y)) * (height - TOP - bottom);
  const chart = { x: "standard deviations", y: "density of images", title };
  const ticks = log ? [1e-4, 1e-3, 1e-2, 1e-1, 1].filter((tick) => tick > y0 && tick < top) : undefined;
  const root = frame(chart, width, height, bottom, edges, [y0, top], toX, toY, ticks, log);
  const bars = densities.map((density, k) => {
    const x = toX(edges[0] + k * step);
    const y = toY(density);
    return `M${x} ${height - bottom}V${y}H${toX(edges[0] + (k + 1) * step)}V${height - bottom}Z`;
  });
  root.append(svg("path", { class: "bars", d: bars.join("") }));
  const curve = [];
  for (let z = edges[0]; z <= edges[1] + 1e-9; z += 0.1)
    curve.push(`${curve.length ? "L" : "M"}${toX(z)} ${toY(gaussian(z))}`);
  root.append(svg("path", { class: "line soft", d: curve.join(""), "stroke-dasharray": "6 4" }));
  return root;
}

/**
 * Axes, their rules, ticks and labels.
 *
 * @param {{x: string, y: string, title: string, ticks?: (x: number) => string[], whole?: boolean}} chart
 *   `whole`: along x are whole numbers
 * @param {number} width
 * @param {number} height
 * @param {number} bottom
 * @param {[number, number]} xs
 * @param {[number, number]} ys
 * @param {(x: number) => number} toX
 * @param {(y: number) => number} toY
 * @param {number[]} [yTicks]
 * @param {boolean} [isLog]
 */
function frame(chart, width, height, bottom, xs, ys, toX, toY, yTicks = niceTicks(ys[0], ys[1]), isLog = false) {
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chart.title });
  // Small numbers would not fit: their power of ten goes into the label.
  const most = Math.max(...yTicks.map(Math.abs), 0);
  const power = most > 0 && most < 1e-2 && !isLog ? Math.floor(Math.log10(most)) : 0;
  for (const tick of yTicks) {
    const y = toY(tick);
    root.append(svg("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
    const number = Number((tick / 10 ** power).toPrecision(6));
    root.append(svg("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, withMinus(number)));
  }
  const whole = niceTicks(xs[0], xs[1], 6).filter((tick) => !chart.whole || Number.isInteger(tick));
  for (const tick of whole) {
    const x = toX(tick);
    root.append(svg("line", { class: "axis", x1: x, x2: x, y1: height - bottom, y2: height - bottom + 4 }));
    const lines = chart.ticks ? chart.ticks(tick) : [withMinus(tick)];
    lines.forEach((line, k) => {
      root.append(svg("text", { x, y: height - bottom + 15 + 11 * k, "text-anchor": "middle" }, line));
    });
  }
  root.append(svg("path", { class: "axis", d: `M${LEFT} ${TOP}V${height - bottom}H${width - RIGHT}` }));
  const middle = (LEFT + width - RIGHT) / 2;
  root.append(svg("text", { x: middle, y: height - 4, "text-anchor": "middle" }, chart.x));
  const y = (TOP + height - bottom) / 2;
  root.append(
    svg(
      "text",
      { x: 11, y, "text-anchor": "middle", transform: `rotate(-90 11 ${y})` },
      chart.y + (power ? ` (× 10${superscript(power)})` : ""),
    ),
  );
  return root;
}

/** @param {number} value */
export function withMinus(value) {
  return String(value).replace("-", "−");
}

/** @param {number} power */
function superscript(power) {
  return String(power).replace(/./g, (digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]));
}

/**
 * @param {string} kind
 * @param {number} x
 * @param {number} y
 * @returns {SVGElement[]}
 */
function marker(kind, x, y) {
  if (kind === "none") return [];
  if (kind === "dot") return [svg("circle", { class: "dot", cx: x, cy: y, r: 3 })];
  if (kind === "square") return [svg("rect", { class: "hollow", x: x - 3, y: y - 3, width: 6, height: 6 })];
  const shape = kind === "triangle" ? "0,-4 4,3 -4,3" : "0,-4 4,0 0,4 -4,0";
  return [svg("polygon", { class: "hollow", points: shape, transform: `translate(${x} ${y})` })];
}

/**
 * What the lines are.
 *
 * @param {Series[]} series
 */
export function legend(series) {
  return html(
    "ul",
    { class: "legend" },
    ...series.map((one) => {
      const sample = svg("svg", { viewBox: "0 0 30 12", class: one.look, "aria-hidden": "true" });
      sample.append(svg("path", { class: "line", d: "M0 6H30", "stroke-dasharray": one.dash ?? "none" }));
      sample.append(...marker(one.marker ?? "dot", 15, 6));
      return html("li", {}, sample, html("span", {}, one.name));
    }),
  );
}

/**
 * @param {number[]} values
 * @returns {[number, number]}
 */
function range(values) {
  return values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
}
