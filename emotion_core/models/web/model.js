// Finds faces and names expressions in this browser. For pages of your own:
//
//   import { loadModel } from "./model.js";
//   const model = await loadModel();
//   const faces = await model.inPicture(blob);   // [{ box, score, emotion, probabilities }]

import { InferenceSession, Tensor, env } from "./ort.wasm.bundle.min.mjs";
import { cutFace, cutWhole, findFaces, pixelsOf } from "./detector.js";
import { FACE, grayOf } from "./pixels.js";

// More threads need headers that static hosts do not send.
env.logLevel = "error";
env.wasm.numThreads = 1;
env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };

/** Load the files beside this one. `tell` gets the share that is loaded, 0 to 1. */
export async function loadModel(tell = () => {}) {
  const settings = await (await fetched("model.json")).json();
  const total = settings.files.model + settings.files.detector;
  const network = await bytesOf("model.onnx", (done) => tell(done / total));
  const searcher = await bytesOf("detector.onnx", (done) =>
    tell((settings.files.model + done) / total),
  );
  const options = { executionProviders: ["wasm"], logSeverityLevel: 3 }; // errors alone
  const classifier = await InferenceSession.create(network, options);
  const detector = await InferenceSession.create(searcher, options);
  return new Model(settings, classifier, detector);
}

class Model {
  constructor(settings, classifier, detector) {
    this.settings = settings;
    this.classifier = classifier;
    this.detector = detector;
  }

  /** Faces of a picture's file, the largest first, with boxes in its pixels. */
  async inPicture(blob) {
    const image = await createImageBitmap(blob, { colorSpaceConversion: "none" });
    return this.inSource(image, image.width, image.height, this.settings.photo);
  }

  /** The expression of a picture's file that is a face already. */
  async ofFace(blob) {
    const image = await createImageBitmap(blob, { colorSpaceConversion: "none" });
    const { width, height } = image;
    const [face] = await this.named([cutWhole(pixelsOf({ image, width, height }))]);
    return face;
  }

  /** Faces of anything that a canvas can draw. */
  async inSource(image, width, height, how) {
    const source = { image, width, height };
    const found = await findFaces(this.detector, source, how.sides, how);
    if (!found.length) return [];
    const gray = grayOf(pixelsOf(source));
    const named = await this.named(found.map((face) => cutFace(gray, face)));
    return found.map(({ box, score }, i) => ({ box, score, ...named[i] }));
  }

  /** Expressions of gray faces of 48 x 48 bytes. */
  async named(faces) {
    const bytes = new Uint8Array(faces.length * FACE * FACE);
    faces.forEach((face, i) => bytes.set(face, i * FACE * FACE));
    const input = new Tensor("uint8", bytes, [faces.length, FACE, FACE]);
    const { logits } = await this.classifier.run({ faces: input });
    const { emotions } = this.settings;
    return faces.map((_, i) => {
      const row = logits.data.subarray(i * emotions.length, (i + 1) * emotions.length);
      const probabilities = calibrated(row, this.settings.calibration);
      const best = probabilities.indexOf(Math.max(...probabilities));
      return { emotion: emotions[best], probabilities };
    });
  }
}

/** Probabilities of logits; the same as emotion_core.probabilities.softmax. */
function calibrated(logits, { temperature, smoothing }) {
  const most = Math.max(...logits);
  let values = Array.from(logits, (value) => Math.exp((value - most) / temperature));
  values = shares(values);
  if (smoothing > 0) {
    const taken = smoothing / values.length;
    values = values.map((value) => value - taken);
    values = shares(values.map((value) => value + Math.hypot(value, taken / 4)));
  }
  return values;
}

function shares(values) {
  const sum = values.reduce((a, b) => a + b, 0);
  return values.map((value) => value / sum);
}

async function fetched(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} could not be loaded (${answer.status}).`);
  return answer;
}

async function bytesOf(name, tell) {
  const answer = await fetched(name);
  const parts = [];
  let size = 0;
  const reader = answer.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    size += part.value.length;
    tell(size);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
