/**
 * Pictures on canvas: masks in the colours of their channels, signed numbers as squares, autocorrelations.
 *
 * @typedef {import("./data.js").Run} Run
 */

/**
 * Masks of units as a mosaic, a pixel a weight.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Run} run
 * @param {number} round
 * @param {number[]} units
 * @param {[number, number, number]} shape
 * @param {number} columns units in a row
 * @param {number} gap transparent pixels around each unit
 */
export function drawMasks(canvas, run, round, units, [channels, height, width], columns, gap) {
  const stepX = width + gap;
  const stepY = height + gap;
  canvas.width = columns * stepX + gap;
  canvas.height = Math.ceil(units.length / columns) * stepY + gap;
  const context = context2d(canvas);
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = image.data;
  const size = height * width;
  const lasts = run.lasts;
  for (let place = 0; place < units.length; place++) {
    const top = Math.floor(place / columns) * stepY + gap;
    const left = (place % columns) * stepX + gap;
    const start = units[place] * run.nInputs;
    for (let y = 0, i = start; y < height; y++) {
      let target = 4 * ((top + y) * canvas.width + left);
      for (let x = 0; x < width; x++, i++, target += 4) {
        if (channels === 3) {
          pixels[target] = lasts[i] >= round ? 255 : 0;
          pixels[target + 1] = lasts[i + size] >= round ? 255 : 0;
          pixels[target + 2] = lasts[i + 2 * size] >= round ? 255 : 0;
        } else {
          let left = 0;
          for (let channel = 0; channel < channels; channel++) if (lasts[i + channel * size] >= round) left++;
          pixels[target] = pixels[target + 1] = pixels[target + 2] = (255 * left) / channels;
        }
        pixels[target + 3] = 255;
      }
    }
  }
  context.putImageData(image, 0, 0);
}

/**
 * Signed numbers as squares, in proportion by area: filled where positive, hollow where negative.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {[number, number]} size rows and columns
 * @param {(index: number) => number} code 0: nothing; 1 to `levels`: positive; 9 and more: negative
 * @param {number} levels
 * @param {((index: number) => boolean) | null} marked which get a cross
 */
export function drawSquares(canvas, [rows, columns], code, levels, marked) {
  const width = Math.max(canvas.clientWidth, 60);
  const pixel = (width / columns) * (window.devicePixelRatio || 1);
  canvas.width = Math.round(pixel * columns);
  canvas.height = Math.round(pixel * rows);
  const context = context2d(canvas);
  const style = getComputedStyle(canvas);
  const colour = (/** @type {string} */ name) => resolved(canvas, style.getPropertyValue(name));
  const plus = colour("--plus");
  const minus = colour("--minus");
  const ink = colour("--ink");
  context.fillStyle = colour("--card");
  context.fillRect(0, 0, canvas.width, canvas.height);
  const line = Math.max(1, pixel / 7);
  for (let i = 0; i < rows * columns; i++) {
    const value = code(i);
    if (value) {
      const negative = value > 8;
      const side = Math.max(2, (pixel * 0.96 * (negative ? value - 8 : value)) / levels);
      const left = ((i % columns) + 0.5) * pixel - side / 2;
      const top = (Math.floor(i / columns) + 0.5) * pixel - side / 2;
      if (negative) {
        context.strokeStyle = minus;
        context.lineWidth = Math.min(line, side / 2);
        const inset = context.lineWidth / 2;
        context.strokeRect(left + inset, top + inset, side - 2 * inset, side - 2 * inset);
      } else {
        context.fillStyle = plus;
        context.fillRect(left, top, side, side);
      }
    }
    if (marked?.(i)) {
      const x = (i % columns) * pixel;
      const y = Math.floor(i / columns) * pixel;
      const inset = pixel * 0.12;
      context.strokeStyle = ink;
      context.lineWidth = Math.max(1, pixel / 9);
      context.beginPath();
      context.moveTo(x + inset, y + inset);
      context.lineTo(x + pixel - inset, y + pixel - inset);
      context.moveTo(x + pixel - inset, y + inset);
      context.lineTo(x + inset, y + pixel - inset);
      context.stroke();
    }
  }
}

/**
 * An autocorrelation as grey levels, its largest value but at d = 0, which is the number of weights, the strongest.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{values: Int32Array, rows: number, columns: number}} s
 * @returns {number} the largest value beside d = 0
 */
export function drawAutocorrelation(canvas, { values, rows, columns }) {
  canvas.width = columns;
  canvas.height = rows;
  const context = context2d(canvas);
  const middle = (values.length - 1) / 2;
  let most = 0;
  values.forEach((value, i) => {
    if (i !== middle && value > most) most = value;
  });
  const image = context.createImageData(columns, rows);
  values.forEach((value, i) => {
    const share = most ? Math.min(1, value / most) : 0;
    image.data.set([255 * share ** 0.7, 255 * share ** 0.85, 30 + 225 * share ** 1.6, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return most;
}

/** @param {HTMLCanvasElement} canvas */
function context2d(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws no canvas");
  return context;
}

/**
 * A colour of the style sheet for the theme that is on.
 *
 * @param {Element} element
 * @param {string} value
 */
function resolved(element, value) {
  const probe = document.createElement("i");
  probe.style.color = value;
  element.parentElement?.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
