// YuNet (Wu et al. 2023): the network's answers as boxes, as OpenCV's FaceDetectorYN decodes them.

import { Tensor } from "./ort.wasm.bundle.min.mjs";
import { FACE, grayOf, square, toFace, turnedSquare } from "./pixels.js";

const STRIDES = [8, 16, 32];
const LEAST_SIDE = 20; // pixels; of a narrower strip the network sees nothing
const MOST_TILT = Math.PI / 3; // beyond it the eyes are more likely wrong than the face lying

/** Faces of a picture, the largest first: box, score and the tilt of the eyes in radians. */
export async function findFaces(session, source, sides, settings) {
  const longest = Math.max(source.width, source.height);
  const useful = sides.filter((side, i) => i === 0 || sides[i - 1] < longest);
  const found = [];
  for (const side of useful) found.push(...(await search(session, source, side, settings)));
  found.sort((a, b) => b.score - a.score);
  const kept = [];
  for (const face of found) {
    if (kept.every((other) => shared(face.box, other.box, Math.min) < 0.5)) kept.push(face);
  }
  return kept.sort((a, b) => area(b.box) - area(a.box));
}

/** The face as FER-2013 cuts its faces: gray, 48 x 48, upright by the eyes. */
export function cutFace(gray, { box, tilt }) {
  const [left, top, right, bottom] = box;
  const side = Math.sqrt(Math.max(right - left, 1) * Math.max(bottom - top, 1));
  const x = (left + right) / 2;
  const y = (top + bottom) / 2;
  if (tilt === 0) {
    const pixels = Math.max(2, Math.round(side));
    return toFace(square(gray, Math.round(x - side / 2), Math.round(y - side / 2), pixels));
  }
  return toFace(turnedSquare(gray, x, y, side, Math.max(FACE, Math.round(side)), tilt));
}

/** The middle square of a picture that is a face already. */
export function cutWhole(image) {
  const side = Math.min(image.width, image.height);
  const left = Math.floor((image.width - side) / 2);
  const top = Math.floor((image.height - side) / 2);
  return toFace(square(grayOf(image), left, top, side));
}

async function search(session, source, side, { score, overlap, leastFace }) {
  const scale = Math.min(1, side / Math.max(source.width, source.height));
  const width = Math.max(1, Math.round(source.width * scale));
  const height = Math.max(1, Math.round(source.height * scale));
  if (Math.min(width, height) < LEAST_SIDE) return [];
  const { input, columns } = asInput(pixelsOf(source, width, height));
  const answers = await session.run({ input });
  let found = [];
  for (const stride of STRIDES) found.push(...decoded(answers, stride, columns / stride, score));
  found.sort((a, b) => b.score - a.score);
  const kept = [];
  for (const face of found) {
    if (kept.every((other) => shared(face.box, other.box) <= overlap)) kept.push(face);
  }
  found = kept.filter(({ box }) => {
    return Math.min(box[2] - box[0], box[3] - box[1]) >= leastFace * scale;
  });
  return found.map((face) => ({ ...face, box: face.box.map((value) => value / scale) }));
}

/** A picture of another size, as RGBA. */
export function pixelsOf(source, width = source.width, height = source.height) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  pen.imageSmoothingQuality = "high";
  pen.fillStyle = "white"; // under transparency
  pen.fillRect(0, 0, width, height);
  pen.drawImage(source.image, 0, 0, width, height);
  return pen.getImageData(0, 0, width, height);
}

/** Planes of blue, green and red, filled up with black to a multiple of 32. */
function asInput({ data, width, height }) {
  const columns = 32 * Math.ceil(width / 32);
  const rows = 32 * Math.ceil(height / 32);
  const plane = columns * rows;
  const values = new Float32Array(3 * plane);
  for (let y = 0, j = 0; y < height; y++) {
    for (let x = 0, i = y * columns; x < width; x++, i++, j += 4) {
      values[i] = data[j + 2];
      values[plane + i] = data[j + 1];
      values[2 * plane + i] = data[j];
    }
  }
  return { input: new Tensor("float32", values, [1, 3, rows, columns]), columns };
}

function decoded(answers, stride, columns, least) {
  const [cls, obj, bbox, kps] = ["cls", "obj", "bbox", "kps"].map(
    (name) => answers[`${name}_${stride}`].data,
  );
  const found = [];
  for (let i = 0; i < cls.length; i++) {
    const score = Math.sqrt(Math.min(1, Math.max(0, cls[i])) * Math.min(1, Math.max(0, obj[i])));
    if (score < least) continue;
    const column = i % columns;
    const row = (i - column) / columns;
    const x = (column + bbox[4 * i]) * stride;
    const y = (row + bbox[4 * i + 1]) * stride;
    const width = Math.exp(bbox[4 * i + 2]) * stride;
    const height = Math.exp(bbox[4 * i + 3]) * stride;
    // The person's right eye, then the left one.
    const tilt = Math.atan2(
      kps[10 * i + 3] - kps[10 * i + 1],
      kps[10 * i + 2] - kps[10 * i],
    );
    found.push({
      box: [x - width / 2, y - height / 2, x + width / 2, y + height / 2],
      score,
      tilt: Math.abs(tilt) <= MOST_TILT ? tilt : 0,
    });
  }
  return found;
}

function area(box) {
  return Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
}

/** Intersection as a share of the union, or of the smaller box. */
function shared(a, b, of) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (of ? of(area(a), area(b)) : area(a) + area(b) - both);
}
