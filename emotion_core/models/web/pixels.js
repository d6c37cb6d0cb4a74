// Pixels as OpenCV computes them, so that a face is the same bytes here and in Python.

export const FACE = 48;

/** Gray of RGBA pixels, as cv2.cvtColor(..., COLOR_BGR2GRAY). */
export function grayOf({ data, width, height }) {
  const gray = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < gray.length; i++, j += 4) {
    gray[i] = (data[j] * 9798 + data[j + 1] * 19235 + data[j + 2] * 3735 + 16384) >> 15;
  }
  return { data: gray, width, height };
}

/** A gray square as a face of 48 x 48: INTER_AREA from larger ones, INTER_LINEAR from smaller. */
export function toFace(square) {
  if (square.width === FACE) return square.data;
  return square.width > FACE ? shrunk(square) : enlarged(square);
}

/** Part of a gray picture; beyond its edge the edge is repeated. */
export function square(gray, left, top, side) {
  const out = new Uint8Array(side * side);
  for (let y = 0; y < side; y++) {
    const row = clamp(top + y, gray.height) * gray.width;
    for (let x = 0; x < side; x++) out[y * side + x] = gray.data[row + clamp(left + x, gray.width)];
  }
  return { data: out, width: side, height: side };
}

/** Part of a gray picture around a centre, turned by radians; as cv2.warpAffine, bilinear. */
export function turnedSquare(gray, centreX, centreY, side, pixels, angle) {
  const out = new Uint8Array(pixels * pixels);
  const scale = side / pixels;
  const cos = Math.cos(angle) * scale;
  const sin = Math.sin(angle) * scale;
  for (let y = 0; y < pixels; y++) {
    const v = y - pixels / 2;
    for (let x = 0; x < pixels; x++) {
      const u = x - pixels / 2;
      // OpenCV places pixels to a 32nd.
      const sourceX = Math.round(32 * (centreX + cos * u - sin * v)) / 32;
      const sourceY = Math.round(32 * (centreY + sin * u + cos * v)) / 32;
      out[y * pixels + x] = between(gray, sourceX, sourceY);
    }
  }
  return { data: out, width: pixels, height: pixels };
}

function between({ data, width, height }, x, y) {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const fx = x - left;
  const fy = y - top;
  const x0 = clamp(left, width);
  const x1 = clamp(left + 1, width);
  const y0 = clamp(top, height) * width;
  const y1 = clamp(top + 1, height) * width;
  const upper = data[y0 + x0] * (1 - fx) + data[y0 + x1] * fx;
  const lower = data[y1 + x0] * (1 - fx) + data[y1 + x1] * fx;
  return Math.round(upper * (1 - fy) + lower * fy);
}

/** Each pixel is the mean of the area that it covers, in the float32 of OpenCV. */
function shrunk({ data, width }) {
  const parts = covered(width);
  const out = new Uint8Array(FACE * FACE);
  const halves = width === 2 * FACE; // OpenCV rounds these up
  const f = Math.fround;
  for (let y = 0; y < FACE; y++) {
    for (let x = 0; x < FACE; x++) {
      let sum = 0;
      for (const [row, down] of parts[y]) {
        let across = 0;
        for (const [column, share] of parts[x]) {
          across = f(across + f(data[row * width + column] * share));
        }
        sum = f(sum + f(across * down));
      }
      out[y * FACE + x] = halves ? Math.floor(sum + 0.5) : even(sum);
    }
  }
  return out;
}

/** For each of 48 pixels: the source pixels that it covers, and their shares. */
function covered(width) {
  const scale = width / FACE;
  return Array.from({ length: FACE }, (_, i) => {
    const start = i * scale;
    const end = start + scale;
    const cell = Math.min(scale, width - start);
    const last = Math.min(Math.floor(end), width - 1);
    const first = Math.min(Math.ceil(start), last);
    const found = [];
    if (first - start > 1e-3) found.push([first - 1, Math.fround((first - start) / cell)]);
    for (let pixel = first; pixel < last; pixel++) found.push([pixel, Math.fround(1 / cell)]);
    if (end - last > 1e-3) {
      found.push([last, Math.fround(Math.min(end - last, 1, cell) / cell)]);
    }
    return found;
  });
}

/** Linear between neighbours, in the whole numbers of OpenCV. */
function enlarged({ data, width }) {
  const scale = width / FACE;
  const places = Array.from({ length: FACE }, (_, i) => {
    const at = Math.fround((i + 0.5) * scale - 0.5);
    const left = Math.floor(at);
    const share = Math.fround(at - left);
    return { left, weights: weightsOf(share) };
  });
  const out = new Uint8Array(FACE * FACE);
  for (let y = 0; y < FACE; y++) {
    // Beyond the edge a row counts twice; a column counts once, whole.
    const { left: row, weights } = places[y];
    const top = clamp(row, width) * width;
    const bottom = clamp(row + 1, width) * width;
    for (let x = 0; x < FACE; x++) {
      const { left: column } = places[x];
      const inside = column >= 0 && column < width - 1;
      const across = inside ? places[x].weights : [2048, 0];
      const left = clamp(column, width);
      const right = clamp(column + 1, width);
      const upper = data[top + left] * across[0] + data[top + right] * across[1];
      const lower = data[bottom + left] * across[0] + data[bottom + right] * across[1];
      const sum = ((weights[0] * (upper >> 4)) >> 16) + ((weights[1] * (lower >> 4)) >> 16);
      out[y * FACE + x] = (sum + 2) >> 2;
    }
  }
  return out;
}

function weightsOf(share) {
  return [even(Math.fround(Math.fround(1 - share) * 2048)), even(Math.fround(share * 2048))];
}

function clamp(value, size) {
  return value < 0 ? 0 : value >= size ? size - 1 : value;
}

/** Rounded; halves to the even neighbour. */
function even(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 ? floor + 1 : floor;
}
