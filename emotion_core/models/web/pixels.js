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

/** Each pixel is the mean of the area that it covers. */
function shrunk({ data, width }) {
  const parts = covered(width);
  const out = new Uint8Array(FACE * FACE);
  const halves = width === 2 * FACE; // OpenCV rounds these up
  for (let y = 0; y < FACE; y++) {
    for (let x = 0; x < FACE; x++) {
      let sum = 0;
      for (const [row, down] of parts[y]) {
        let across = 0;
        for (const [column, share] of parts[x]) across += data[row * width + column] * share;
        sum += across * down;
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
    const found = [];
    for (let pixel = Math.floor(start); pixel < end - 1e-3 && pixel < width; pixel++) {
      const share = Math.min(pixel + 1, end) - Math.max(pixel, start);
      if (share > 1e-3) found.push([pixel, share / scale]);
    }
    return found;
  });
}

/** Linear between neighbours, in the whole numbers of OpenCV. */
function enlarged({ data, width }) {
  const scale = width / FACE;
  const places = Array.from({ length: FACE }, (_, i) => {
    const at = (i + 0.5) * scale - 0.5;
    let left = Math.floor(at);
    let share = at - left;
    if (left < 0) [left, share] = [0, 0];
    if (left >= width - 1) [left, share] = [width - 1, 0];
    const second = even(share * 2048);
    return [left, Math.min(left + 1, width - 1), even((1 - share) * 2048), second];
  });
  const out = new Uint8Array(FACE * FACE);
  for (let y = 0; y < FACE; y++) {
    const [top, bottom, b0, b1] = places[y];
    for (let x = 0; x < FACE; x++) {
      const [left, right, a0, a1] = places[x];
      const upper = data[top * width + left] * a0 + data[top * width + right] * a1;
      const lower = data[bottom * width + left] * a0 + data[bottom * width + right] * a1;
      out[y * FACE + x] = (((b0 * (upper >> 4)) >> 16) + ((b1 * (lower >> 4)) >> 16) + 2) >> 2;
    }
  }
  return out;
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
